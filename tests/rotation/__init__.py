"""The rotation: ahead of time, refused, undone, minted, retired, raced."""
