"""What is missing for the service to do its work, and the command that mends it."""
