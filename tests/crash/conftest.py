"""Storage for the scenes of kills and faults."""

from tests.product.conftest import clean_storage

__all__ = ["clean_storage"]
