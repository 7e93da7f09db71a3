"""Which secret serves which application, and what a test of it says."""
