"""Freed memory stays with the process where the C library can be told."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, threading
from node import memory

def send():
    for _ in range(20):
        [bytes(2 << 20) for _ in range(3)]

told = sys.argv[1] == "keep" and memory.keep_freed()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread = threading.Thread(target=send)
thread.start()
thread.join()
print(int(told), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def told_and_faults(how: str) -> tuple[bool, int]:
    """Whether the C library was told, and how often memory was asked for."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, timeout=60, check=True)
    told, faults = done.stdout.split()
    return told == "1", int(faults)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell how often memory was asked for")
def test_memory_that_was_freed_is_not_asked_for_anew_where_the_c_library_can_be_told() -> None:
    told, kept_faults = told_and_faults("keep")
    assert told == (platform.libc_ver()[0] == "glibc"), "another C library is left alone"
    if told:
        assert kept_faults < told_and_faults("leave")[1] / 2
