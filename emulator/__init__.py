"""A loopback tenant and a small functions host, for development: speaks the wire protocols of the real services."""
