"""The only modules that do I/O."""

import logging

# Below warnings these write down addresses and headers; the Teams address is a credential, so is what hpack shows.
for _library in ("httpx", "httpcore", "hpack", "azure"):
    logging.getLogger(_library).setLevel(logging.WARNING)
