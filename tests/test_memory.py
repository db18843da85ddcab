"""Freed memory stays with the process where the C library can be told."""

import platform
import subprocess
import sys

import pytest

from node import memory

PROGRAM = """
import resource, sys, threading
from node import memory

def send():
    for _ in range(20):
        [bytes(2 << 20) for _ in range(3)]

if sys.argv[1] == "keep":
    memory.keep_freed()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread = threading.Thread(target=send)
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library decides by itself")
def test_memory_that_was_freed_is_not_asked_for_anew() -> None:
    assert faults("keep") < faults("leave") / 2


@pytest.mark.skipif(platform.libc_ver()[0] == "glibc", reason="this C library can be told")
def test_another_c_library_is_left_alone() -> None:
    assert not memory.keep_freed()
