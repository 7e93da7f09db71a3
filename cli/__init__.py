"""The same use cases from a terminal, and the embedded tenant."""
