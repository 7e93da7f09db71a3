"""What a provisioning job is, read from Graph's JSON without losing a value we do not know."""
