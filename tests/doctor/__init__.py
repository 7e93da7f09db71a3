"""What the doctor finds, with each thing missing in turn."""
