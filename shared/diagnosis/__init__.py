"""Evidence in, cause out; pure."""
