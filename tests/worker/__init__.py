"""The Functions app under the real worker runtime: what fires it, what it survives, and which news it needs."""
