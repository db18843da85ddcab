"""A line between two network namespaces that takes time and loses packets: two TAP devices, and who carries between.

    python -m tests.slow_line NAMESPACE DEVICE NAMESPACE DEVICE --delay-ms 20 --loss 0.005

This kernel has no netem. Frames keep their order; each way has its own luck.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import fcntl
import os
import random
import struct

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_FRAME_BYTES = 65_536


def open_tap(namespace: str, device: str) -> int:
    """A TAP device in a namespace. The file stays usable from this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    own, other = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(other, 0):
            raise OSError(ctypes.get_errno(), f"namespace {namespace} can't be entered")
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TAP | _IFF_NO_PI))
        return tap
    finally:
        libc.setns(own, 0)
        os.close(own)
        os.close(other)


def carry(loop: asyncio.AbstractEventLoop, source: int, target: int, *, delay_s: float, loss: float) -> None:
    luck = random.Random(source)

    def write(frame: bytes) -> None:
        with contextlib.suppress(OSError):  # the other end is down, or full: lost, as on a real line
            os.write(target, frame)

    def read() -> None:
        while True:
            try:
                frame = os.read(source, _FRAME_BYTES)
            except BlockingIOError:
                return
            if luck.random() >= loss:
                loop.call_later(delay_s, write, frame)

    loop.add_reader(source, read)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ends", nargs=4)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--loss", type=float, default=0)
    asked = parser.parse_args()
    first, second = open_tap(*asked.ends[:2]), open_tap(*asked.ends[2:])
    loop = asyncio.get_running_loop()
    for source, target in ((first, second), (second, first)):
        carry(loop, source, target, delay_s=asked.delay_ms / 1000, loss=asked.loss)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
