"""WebKit through its own driver: as much of W3C WebDriver as the tests need, over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.ports import free_port

START_S = 60.0
DRIVER = "WebKitWebDriver"
DISPLAY = "Xvfb"


def missing() -> str:
    """What this machine lacks, or nothing."""
    return next((name for name in (DRIVER, DISPLAY) if shutil.which(name) is None), "")


@dataclass(frozen=True)
class WebKit:
    """One browser session."""

    session: aiohttp.ClientSession
    base: str

    async def _ask(self, path: str, **body: Any) -> Any:
        async with self.session.post(f"{self.base}/{path}", json=body) as answer:
            value = (await answer.json())["value"]
            if answer.status != 200:
                raise AssertionError(value)
            return value

    async def go(self, url: str) -> None:
        await self._ask("url", url=url)

    async def run(self, script: str) -> Any:
        """The value of an async function's body in the page."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            f"(async () => {{ {script} }})()"
            ".then((value) => done({value}), (error) => done({error: String(error)}))"
        )
        told = await self._ask("execute/async", script=wrapped, args=[])
        assert "error" not in told, told["error"]
        return told.get("value")

    async def until(self, condition: str, timeout_s: float = 60.0) -> None:
        """Wait until an expression is true in the page."""
        async with asyncio.timeout(timeout_s):
            while not await self.run(f"return Boolean({condition})"):  # noqa: ASYNC110  # what comes true is the page's
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def webkit() -> AsyncIterator[WebKit]:
    """A fresh browser on a display that nobody sees."""
    async with contextlib.AsyncExitStack() as stack:
        display = await _display(stack)
        port = free_port()
        driver = await asyncio.create_subprocess_exec(
            DRIVER, f"--port={port}", "--host=127.0.0.1", env={**os.environ, "DISPLAY": display},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        stack.push_async_callback(_end, driver)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        base = f"http://127.0.0.1:{port}/session"
        opened = await _open(session, base)
        stack.push_async_callback(_close, session, f"{base}/{opened}")
        yield WebKit(session, f"{base}/{opened}")


async def _display(stack: contextlib.AsyncExitStack) -> str:
    """A free display's name; Xvfb chooses it and tells its number once it answers."""
    server = await asyncio.create_subprocess_exec(
        DISPLAY, "-displayfd", "1", "-screen", "0", "800x900x24", "-nolisten", "tcp",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    stack.push_async_callback(_end, server)
    assert server.stdout is not None
    number = await asyncio.wait_for(server.stdout.readline(), START_S)
    return f":{number.decode().strip()}"


async def _open(session: aiohttp.ClientSession, base: str) -> str:
    async with asyncio.timeout(START_S):
        while True:
            try:
                async with session.post(base, json={"capabilities": {}}) as answer:
                    value = (await answer.json())["value"]
                    assert answer.status == 200, value
                    return str(value["sessionId"])
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)  # it does not listen yet


async def _close(session: aiohttp.ClientSession, url: str) -> None:
    async with session.delete(url):
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()
