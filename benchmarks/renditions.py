"""Mobile renditions: how fast one core makes them, and how many songs two gigabytes hold."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.measure import Row, median, note
from node.crypto.blob import Shape
from node.doors.audio import encode_mobile
from tests.music import make_track

SONG_SECONDS = 240
ROOM_BYTES = 2_000_000_000
AIM_SONGS = 1_280


def renditions(work: Path, *, rounds: int) -> list[Row]:
    """Three unlike kinds of sound, four minutes each, at the default bitrate."""
    rows = []
    for kind in ("tone", "noise", "music"):
        source = work / f"{kind}.flac"
        if not source.exists():
            note(f"making four minutes of {kind} ...")
            make_track(source, seconds=SONG_SECONDS, kind=kind, seed=1, title=kind)
        out = work / f"{kind}.webm"
        rates = []
        for _ in range(rounds):
            out.unlink(missing_ok=True)
            started = time.process_time()
            encode_mobile(source, out, bitrate_bps=48_000, should_stop=lambda: False)
            rates.append(SONG_SECONDS / (time.process_time() - started))
        songs = ROOM_BYTES // Shape(out.stat().st_size).sealed_bytes
        rows += [
            Row(f"{kind}: times as fast as played, one core", f"{median(rates):.0f}"),
            Row(f"{kind}: songs of four minutes in 2 GB, sealed", f"{songs:,}", f"{AIM_SONGS:,}", songs >= AIM_SONGS),
        ]
    return rows
