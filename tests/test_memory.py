"""Freed memory stays with the process where the C library can be told."""

import platform
import subprocess
import sys
from pathlib import Path

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


GIVING_BACK = """
import pathlib, sys
from node import memory
from node.doors.index.database import Database

def resident_mb():
    [line] = [each for each in open("/proc/self/status") if each.startswith("VmRSS")]
    return int(line.split()[1]) * 1_024 / 1e6

memory.keep_freed()
database = Database(pathlib.Path(sys.argv[1]))
with database.write() as step:
    step.sql.execute("CREATE TABLE much (row BLOB)")
    step.sql.executemany("INSERT INTO much VALUES (?)", ((bytes(3_000),) for _ in range(7_000)))
some = [bytearray(4_000) for _ in range(7_000)]
last = some[-1]
del some[:-1]
before_mb = resident_mb()
database.give_back()
told = memory.give_back()
after_mb = resident_mb()
with database.write() as step:
    [(rows,)] = step.sql.execute("SELECT count(*) FROM much")
print(int(told), before_mb, after_mb, rows)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds")
def test_what_a_large_change_left_in_memory_is_given_back_and_the_index_goes_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GIVING_BACK, str(tmp_path / "index.sqlite")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told, before_mb, after_mb, rows = done.stdout.split()
    assert rows == "7000"
    assert (told == "1") == (platform.libc_ver()[0] == "glibc"), "another C library is left alone"
    if told == "1":
        assert float(after_mb) < float(before_mb) - 30, "20 MB of pages, and 28 MB of what was freed"
