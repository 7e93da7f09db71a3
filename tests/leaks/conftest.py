"""Storage for the search of leaks."""

from tests.product.conftest import clean_storage

__all__ = ["clean_storage"]
