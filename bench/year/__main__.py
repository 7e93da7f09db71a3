"""Plays the year of the whole fleet with the product and without, and prints both side by side.

Exits with 1 when a promise is broken. Both years are played at once, each in a process of its own.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from datetime import timedelta
from pathlib import Path

_INTERVAL = timedelta(hours=40)
"""Between a job's cycles, and between forecasts: coarser than they are, which makes it no easier for the product."""


def main() -> int:
    """Play, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.year", description=__doc__)
    parser.add_argument("--days", type=int, default=365, help="how long the year is")
    parser.add_argument("--seed", type=int, default=7, help="of what is left to chance")
    parser.add_argument("--alone", action="store_true", help="only without the product; prints its figures as JSON")
    options = parser.parse_args()
    # What the product logs while vendors fail on purpose is no news here.
    logging.getLogger("pratique").addHandler(logging.NullHandler())
    with tempfile.TemporaryDirectory(prefix="pratique-year-") as folder:
        from emulator.certificates import prepare  # noqa: PLC0415 -- before anything that reads what it trusts

        state_dir = Path(folder)
        os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(prepare(state_dir).ca_path)
        play = _alone if options.alone else _both
        return asyncio.run(play(state_dir, options.days, options.seed))


async def _alone(state_dir: Path, days: int, seed: int) -> int:
    from bench.year.fleet import forty  # noqa: PLC0415
    from bench.year.play import without_product  # noqa: PLC0415

    played = await without_product(state_dir, forty(days, seed), days=days, seed=seed, interval=_INTERVAL)
    print(json.dumps(played.counts.to_dict()))
    return 0


async def _both(state_dir: Path, days: int, seed: int) -> int:
    from bench.year.counts import Counts, broken_promises, table  # noqa: PLC0415
    from bench.year.fleet import forty  # noqa: PLC0415
    from bench.year.play import with_product  # noqa: PLC0415

    began = time.monotonic()
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.year", "--alone", f"--days={days}", f"--seed={seed}"), stdout=PIPE
    )
    try:
        plans = forty(days, seed)
        print(f"{len(plans)} applications, {days} days, seed {seed}", flush=True)
        played = await with_product(
            state_dir, plans, days=days, seed=seed, interval=_INTERVAL, say=lambda line: print(line, flush=True)
        )
        said, _ = await other.communicate()
    finally:
        if other.returncode is None:
            other.kill()
            await other.wait()
    if other.returncode:
        print("the year without the product could not be played", file=sys.stderr)
        return 1
    print(f"\n{table(played.counts, Counts.from_dict(json.loads(said)))}\n")
    broken = broken_promises(played.counts)
    print("\n".join(broken) or "Every promise was kept.", f"\nPlayed in {time.monotonic() - began:.0f} s.", sep="")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
