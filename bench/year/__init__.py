"""A year in the life of a fleet of applications, with the product and without it. Run by `make year`."""
