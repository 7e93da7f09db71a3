"""The product against the embedded tenant: real clients, real storage, real targets."""
