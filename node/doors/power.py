"""The machine's sleep: kept off while others listen to it, and announced before it comes.

Each system has its own way. Linux: logind, by the programs that come with systemd and D-Bus. macOS: caffeinate.
Windows: SetThreadExecutionState. Only Linux says beforehand that it is going to sleep; where a system can't do one of
these, nothing happens, and the device is away without a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import shutil
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, Final

log = logging.getLogger(__name__)

END_TIMEOUT_S: Final = 2.0
WOKE_AFTER_S: Final = 8.0
"""Of waking time after sleep was let come, which takes five seconds at most: then it has come and gone."""
_WHO: Final = "--who=Songkeep"
# Both end with this program, however it ends: `cat` when its input does.
_STAY_AWAKE: Final[dict[str, tuple[str, ...]]] = {
    "linux": ("systemd-inhibit", "--what=idle:sleep", "--mode=block", _WHO, "--why=another device is listening", "cat"),
    "darwin": ("caffeinate", "-i", "cat"),
}
_LISTEN: Final = (
    "systemd-inhibit", "--what=sleep", "--mode=delay", _WHO, "--why=other devices are told",
    "dbus-monitor", "--system",
    "type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForSleep'",
)  # fmt: skip
_ES_CONTINUOUS: Final = 0x80000000
_ES_SYSTEM_REQUIRED: Final = 0x00000001


class Nap(StrEnum):
    """What the machine is about to do, or has done."""

    SLEEPS = "sleeps"
    WOKE = "woke"


class Power:
    """One machine's sleep."""

    def __init__(
        self, *, platform: str = sys.platform, search_path: str | None = None, woke_after_s: float = WOKE_AFTER_S
    ) -> None:
        """`search_path`: where the system's programs are looked for, as in PATH; the environment's unless given."""
        self._platform = platform
        self._search_path = search_path
        self._woke_after_s = woke_after_s

    @contextlib.asynccontextmanager
    async def awake(self) -> AsyncIterator[bool]:
        """The machine doesn't fall asleep by itself while the context lasts; whether it could be told so.

        A person who closes the lid or chooses sleep still has their way.
        """
        if self._platform == "win32":
            async with _awake_on_windows() as told:
                yield told
            return
        process = await self._start(_STAY_AWAKE.get(self._platform, ()), stdout=asyncio.subprocess.DEVNULL)
        try:
            yield process is not None
        finally:
            if process is not None:
                await _end(process)

    async def naps(self) -> AsyncGenerator[Nap, None]:
        """Each time that the machine goes to sleep and wakes; ends where the system doesn't tell.

        After SLEEPS sleep waits until the generator is asked for more, five seconds at most.
        """
        if self._platform != "linux":
            return
        while (process := await self._start(_LISTEN, stdout=asyncio.subprocess.PIPE)) is not None:
            try:
                if not await _falls_asleep(process):
                    return
                yield Nap.SLEEPS
            finally:
                await _end(process)  # lets go of what delays sleep
            # While the machine goes to sleep nobody may listen for the next time. The clock of the event loop
            # stands still with the machine.
            await asyncio.sleep(self._woke_after_s)
            yield Nap.WOKE

    async def _start(self, command: Sequence[str], *, stdout: int) -> asyncio.subprocess.Process | None:
        """None if the system has not all that the command needs."""
        needed = [part for part in command if not part.startswith("-") and "=" not in part]
        found = {name: shutil.which(name, path=self._search_path) for name in needed}
        if not command or None in found.values():
            return None
        try:
            return await asyncio.create_subprocess_exec(
                *(found.get(part) or part for part in command),
                stdin=asyncio.subprocess.PIPE,
                stdout=stdout,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            log.info("power_program_failed program=%s error=%s", command[0], error.errno)
            return None


async def _falls_asleep(process: asyncio.subprocess.Process) -> bool:
    """Waits until the machine is about to sleep; False if nothing will be told."""
    assert process.stdout is not None
    announced = False
    while line := await process.stdout.readline():
        words = line.decode("utf-8", "replace").split()
        if "member=PrepareForSleep" in words:
            announced = True
        elif announced and words[:1] == ["boolean"]:
            if words[1:] == ["true"]:
                return True
            announced = False
    return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def _awake_on_windows() -> AsyncIterator[bool]:
    """The wish belongs to the thread that made it: one thread for as long as it lasts."""
    loop = asyncio.get_running_loop()
    windll: Any = getattr(ctypes, "windll", None)
    if windll is None:
        yield False
        return
    wish: Callable[[int], int] = windll.kernel32.SetThreadExecutionState
    with ThreadPoolExecutor(1, thread_name_prefix="awake") as thread:
        told = await loop.run_in_executor(thread, wish, _ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
        try:
            yield bool(told)
        finally:
            await loop.run_in_executor(thread, wish, _ES_CONTINUOUS)
