"""A local functions host that drives the real Python worker runtime."""
