"""Devices that meet and have a library each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.catalog.batch import Op, decode_batch
from node.catalog.register import Key
from node.doors.index import Index
from node.doors.vault import Secrets
from node.flows.exchange import Exchange
from node.flows.history_teller import HistoryTeller
from node.library import Library
from tests.flows.people import Device, make_device, meeting, now_ms


@dataclass
class Reader:
    """A device with a library."""

    device: Device
    library: Library
    exchange: Exchange
    told: list[str]

    def write(self, row: str, value: Any) -> None:
        self.library.write([Op(Key("playlist", row, "name"), value)])

    def value(self, row: str) -> Any:
        return self.library.index.log.value(Key("playlist", row, "name"))

    def heads(self) -> dict[bytes, int]:
        return {log: head.seq for log, head in self.library.index.log.heads().items()}


@contextlib.asynccontextmanager
async def readers(
    folder: Path, url: str, *about: tuple[str, Secrets], clocks: Mapping[str, Callable[[], int]] | None = None
) -> AsyncIterator[list[Reader]]:
    """`clocks`: of devices whose clock is another one, in ms."""
    with contextlib.ExitStack() as stack:
        made = []
        for name, secrets in about:
            index = stack.enter_context(Index.open(folder / f"{name}.sqlite"))
            clock = (clocks or {}).get(name, now_ms)
            library = Library.open(index, secrets.device, secrets.epochs[0].identity, now_ms=clock)
            answers: dict[str, Any] = {}
            device = make_device(
                name,
                secrets,
                url,
                answers=answers,
                heads=lambda own=library: heads_of(own),
                catalog=library.index.log.digest,
            )
            told: list[str] = []
            tell = lambda _level, text, told=told: told.append(text)  # noqa: E731
            teller = HistoryTeller(secrets.device.id, lambda _device: "The other one", tell)
            exchange = Exchange(library, device.membership, device.directory, device.meeting, history_teller=teller)

            async def whole(_body: object, own: Library = library) -> bytes:
                return await asyncio.to_thread(own.snapshot)

            answers.update(exchange.answers, catalog=whole)
            made.append(Reader(device, library, exchange, told))
        yield made


def heads_of(library: Library) -> dict[bytes, int]:
    return {log: head.seq for log, head in library.index.log.heads().items()}


@contextlib.asynccontextmanager
async def together(*each: Reader) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(reader.exchange.run()) for reader in each]
    try:
        async with meeting(*(reader.device for reader in each)):
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def batch_all(reader: Reader) -> list[Any]:
    log = reader.library.changes.log
    return [decode_batch(signed) for signed in reader.library.index.log.batches(log, 0, 1_000)]
