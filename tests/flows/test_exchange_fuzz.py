"""Questions and answers about changes, with anything in them: read or refused, and the catalog stays as it was."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.catalog.batch import Op
from node.catalog.register import Key
from node.catalog.vocabulary import read_branch
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import to_text
from tests.flows.people import found
from tests.flows.readers import Reader, readers
from tests.wire.test_fuzz import values
from tests.wire.test_fuzz_signed import twisted

THEIR_FAULT = (PeerError, RefusedError, UnknownFormatError)


def test_whatever_is_asked_or_brought_is_answered_or_refused(tmp_path: Path) -> None:
    async def ask(pc: Reader, kind: str, body: object) -> None:
        with contextlib.suppress(*THEIR_FAULT):
            await pc.exchange.answers[kind](body)

    async def go() -> None:
        async with readers(tmp_path, "ws://127.0.0.1:9", ("pc", found())) as (pc,):
            pc.write("mine", 1)
            log, before = pc.library.changes.log, pc.library.snapshot()
            head = pc.library.index.log.heads()[log]
            [own] = pc.library.index.log.batches(log, 0, 1)
            good = {
                "batches": {"heads": {log: 0, b"l" * 36: 4}, "hashes": {log: head.hash}},
                "changes": {"batches": [own]},
            }

            @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
            @given(st.sampled_from(sorted(good)), st.data())
            def anything(kind: str, data: st.DataObject) -> None:
                body = data.draw(twisted(good[kind]) | values)
                asyncio.run(ask(pc, kind, body))

            await asyncio.to_thread(anything)
            assert pc.library.snapshot() == before
            assert pc.library.changes.log == log

    asyncio.run(go())


@given(st.text(max_size=70), values)
def test_any_word_about_a_logs_histories_is_read_or_passed_over(row: str, value: object) -> None:
    read_branch(row, value)
    read_branch(to_text(b"l" * 36), value)


def test_a_word_about_histories_that_makes_no_sense_hurts_nobody(tmp_path: Path) -> None:
    async def go() -> None:
        async with readers(tmp_path, "ws://127.0.0.1:9", ("pc", found())) as (pc,):
            pc.write("mine", 1)
            name = to_text(pc.library.changes.log)
            for value in ([1], [0, bytes(32)], ["x", bytes(32)], {}, [1 << 60, bytes(32)], [5, bytes(32)]):
                pc.library.write([Op(Key("log", name, "branch"), value)])
                pc.library.histories.obey()
            assert pc.value("mine") == 1

    asyncio.run(go())
