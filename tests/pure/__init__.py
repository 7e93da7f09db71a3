"""Claims about the modules that decide: no service, no clock, no storage."""
