"""Gathering what is known of one job, bounded in time and size."""
