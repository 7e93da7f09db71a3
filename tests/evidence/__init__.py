"""Evidence is gathered from a real tenant, and from targets that are broken in every way the probe tells apart."""
