"""Prints what the product costs on this machine, as one small table."""

import asyncio
import os
import tempfile
from pathlib import Path

from bench.cold_start import cold_start
from bench.table import show


def main() -> None:
    """Measure everything and print the table."""
    measures = cold_start()
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder:
        from emulator.certificates import prepare  # noqa: PLC0415 -- large; after the cold starts were measured

        state_dir = Path(folder)
        # Libraries read what they trust at their first import, so this comes before the product's.
        os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(prepare(state_dir).ca_path)
        from bench.at_work import at_work  # noqa: PLC0415
        from bench.failures import failures  # noqa: PLC0415

        measures += asyncio.run(at_work(state_dir, os.environ))
        measures += asyncio.run(failures(state_dir, os.environ))  # last: its rows would count as the product's memory
    print(show(measures))


if __name__ == "__main__":
    main()
