"""What people are told: a notice, drawn as a Teams card and as a mail."""
