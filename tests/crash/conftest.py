"""Storage for the scenes of kills and faults."""

from tests.product.conftest import clean_storage, storage

__all__ = ["clean_storage", "storage"]
