"""A small Tahoe-LAFS grid on this machine, as a peer to measure beside: two storage servers, whole copies on each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import venv
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.household import until
from benchmarks.measure import note
from benchmarks.syncthing import free_port

SERVERS = 2


@dataclass
class Grid:
    """A running grid."""

    http: aiohttp.ClientSession
    url: str
    """Of the client's web gateway."""
    servers: list[asyncio.subprocess.Process]

    async def put(self, data: bytes) -> str:
        """Store a file; its capability."""
        async with self.http.put(f"{self.url}/uri", data=data) as answer:
            answer.raise_for_status()
            return (await answer.text()).strip()

    def address(self, cap: str) -> str:
        return f"{self.url}/uri/{cap}"


def install(work: Path) -> Path:
    """Tahoe-LAFS in an environment of its own; its program."""
    program = work / "tahoe-venv" / "bin" / "tahoe"
    if not program.exists():
        note("installing tahoe-lafs ...")
        venv.create(work / "tahoe-venv", with_pip=True)
        subprocess.run([program.parent / "pip", "install", "-q", "tahoe-lafs", "setuptools"], check=True)
    return program


@contextlib.asynccontextmanager
async def grid(work: Path) -> AsyncIterator[Grid]:
    """An introducer, storage servers and a client in `work`, an empty directory."""
    tahoe = await asyncio.to_thread(install, work.parent)

    def create(*arguments: str | Path) -> None:
        subprocess.run([tahoe, *map(str, arguments)], check=True, capture_output=True)

    async with contextlib.AsyncExitStack() as stack, aiohttp.ClientSession(read_bufsize=1 << 16) as http:

        async def run(home: Path) -> asyncio.subprocess.Process:
            process = await asyncio.create_subprocess_exec(
                tahoe, "run", "--allow-stdin-close", str(home),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            stack.push_async_callback(_end, process)
            return process

        await asyncio.to_thread(create, "create-introducer", "--hostname=127.0.0.1", work / "introducer")
        await run(work / "introducer")
        told = work / "introducer" / "private" / "introducer.furl"

        async def introduced() -> bool:
            return await asyncio.to_thread(told.exists)

        await until(introduced, "Tahoe's introducer runs")
        furl = (await asyncio.to_thread(told.read_text)).strip()
        shares = ("--shares-needed=1", f"--shares-happy={SERVERS}", f"--shares-total={SERVERS}")
        servers = []
        for number in range(SERVERS):
            home = work / f"server{number}"
            await asyncio.to_thread(
                create, "create-node", "--hostname=127.0.0.1", f"--introducer={furl}", "--webport=none", *shares, home
            )
            servers.append(await run(home))
        port = free_port()
        webport = f"--webport=tcp:{port}:interface=127.0.0.1"
        await asyncio.to_thread(create, "create-client", f"--introducer={furl}", webport, *shares, work / "client")
        await run(work / "client")
        made = Grid(http, f"http://127.0.0.1:{port}", servers)

        async def stores() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                await made.put(os.urandom(1_000))
                return True
            return False

        await until(stores, "Tahoe's grid stores", every_s=0.5)
        yield made


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def files_of(folder: Path) -> Sequence[Path]:
    """Its files, in an order that stays."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
