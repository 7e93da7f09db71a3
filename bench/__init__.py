"""What the product costs: cold start, a sweep, a look. Run by `make bench`."""
