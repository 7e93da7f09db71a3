"""The year of a fleet: its figures, and a reduced year played for real."""
