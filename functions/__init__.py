"""Triggers only: each parses its binding, calls one use case, and maps the outcome."""
