"""The local functions host, run as a process of its own against a real Azurite."""
