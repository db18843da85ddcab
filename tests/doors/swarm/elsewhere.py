"""Transmission in a network that is not loopback: `python -m tests.doors.swarm.elsewhere DIR IP TAG HOPING`.

Run it where the addresses of `ELSEWHERE` are; it says as JSON whether the holder met the client, and whether that got
anything.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.doors.swarm.test_strangers import ELSEWHERE, tried

if __name__ == "__main__":
    directory, address, tag, hoping = sys.argv[1:]
    outcome = tried(
        "transmission", Path(directory), ip=address, tag=bytes.fromhex(tag), places=ELSEWHERE, hoping=hoping == "yes"
    )
    print(json.dumps(asyncio.run(outcome)))
