"""The product as this worker holds it: put together once, at the first invocation."""

from functools import cache

from shared.composition import Pratique, compose


@cache
def pratique() -> Pratique:
    """Return the one product of this worker process.

    Raises:
        InvalidSetting: a setting is missing or unreadable; every invocation then says so.
    """
    return compose()
