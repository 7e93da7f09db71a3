"""The vendor catalogue: what it says, which hosts it names, and what a broken one is told."""
