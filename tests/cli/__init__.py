"""The command line, run as a person or a script runs it: a child process, its two streams and its exit code."""
