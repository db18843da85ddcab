"""`python -m benchmarks [NAME ...] [--quick] [--work DIR]`: measure Songkeep beside its peers and print tables.

The machine should be idle. Peers are installed from their registries. Figures are medians; compare ratios, since
absolute times belong to the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.catalog import catalog
from benchmarks.holders import holders
from benchmarks.idle import idle
from benchmarks.ingest import ingest, scan
from benchmarks.library import library
from benchmarks.measure import Row, print_table
from benchmarks.phone import phone
from benchmarks.recovery import recovery
from benchmarks.renditions import renditions
from benchmarks.reopening import reopening
from benchmarks.streams import streams
from benchmarks.subsonic import subsonic
from benchmarks.tracker import tracker
from benchmarks.transfer import first_byte, transfer

Benchmark = Callable[[Path, bool], list[Row]]

BENCHMARKS: dict[str, tuple[str, Benchmark]] = {
    "tracker": (
        "Tracker",
        lambda work, quick: tracker(
            work, people=100 if quick else 5_000, seconds=2 if quick else 5, rounds=1 if quick else 3
        ),
    ),
    "scan": (
        "Reading tags",
        lambda work, quick: scan(work, files=200 if quick else 2_000, bytes_each=220_000, rounds=1 if quick else 3),
    ),
    "ingest": (
        "Adding music",
        lambda work, quick: ingest(work, files=50 if quick else 2_000, bytes_each=4_000_000, rounds=1 if quick else 3),
    ),
    "renditions": ("Mobile renditions", lambda work, quick: renditions(work, rounds=1 if quick else 3)),
    "streams": (
        "Streams",
        lambda work, quick: streams(
            work, files=10 if quick else 60, count=50 if quick else 500, seconds=2 if quick else 8
        ),
    ),
    "first-byte": (
        "A song that another device holds",
        lambda work, quick: first_byte(work, files=10 if quick else 200, starts=2 if quick else 20),
    ),
    "library": (
        "A large library",
        lambda work, quick: library(work, tracks=2_000 if quick else 50_000, rounds=1 if quick else 5),
    ),
    "reopening": (
        "Killed, and started again",
        lambda work, quick: reopening(work, tracks=300 if quick else 10_000, rounds=2 if quick else 10),
    ),
    "catalog": (
        "The catalog",
        lambda work, quick: catalog(work, writes=5_000 if quick else 100_000, rounds=1 if quick else 3),
    ),
    "phone": (
        "From the tap to the sound",
        lambda work, quick: phone(work, taps_each=4 if quick else 20, cases=1 if quick else 3),
    ),
    "recovery": (
        "Everything back from a seed",
        lambda work, quick: recovery(work, files=20 if quick else 500, bytes_each=4_194_304, rounds=1 if quick else 3),
    ),
    "holders": ("Two holders", lambda work, quick: holders(work, files=5 if quick else 50)),
    "transfer": (
        "Many songs to another device",
        lambda work, quick: transfer(work, files=50 if quick else 500, bytes_each=4 << 20, rounds=1 if quick else 3),
    ),
    "idle": (
        "Two nodes with nothing to do",
        lambda work, quick: idle(work, tracks=500 if quick else 20_000, seconds=10 if quick else 120),
    ),
    "subsonic": (
        "Music apps",
        lambda work, quick: subsonic(
            work,
            files=200 if quick else 2_000,
            bytes_each=220_000,
            rounds=1 if quick else 3,
            seconds=2 if quick else 8,
        ),
    ),
}


def main() -> None:
    """Run what was asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: does it run at all?")
    parser.add_argument("--work", type=Path, help="where files are made and kept for the next time")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="songkeep-benchmark-") as temporary:
        work = asked.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        for name in asked.names or BENCHMARKS:
            title, run = BENCHMARKS[name]
            print_table(title, run(work, asked.quick))


if __name__ == "__main__":
    main()
