"""The tuning of WebRTC: it must meet the insides that it expects, and lose nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import ice, mdns, stun

from node.doors import webrtc
from node.doors.channel import Channel, Offered
from node.doors.webrtc_tuning import FIRST_WINDOW_BYTES, split_names, window_bytes
from node.ids import BlobRoot

CHUNKS = [os.urandom(16_384) for _ in range(64)]
ROOT = BlobRoot(bytes(32))


async def serve(_root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
    for chunk in CHUNKS[first : first + count]:
        yield chunk


async def pipes() -> tuple[webrtc.DataPipe, webrtc.DataPipe]:
    offering = await webrtc.offer(None)
    answer, answering = await webrtc.answer_offer(offering.sdp, None)
    offered = await offering.accept(answer)
    await answering.opened()
    return offered, answering


async def test_a_song_begins_with_a_window_of_four_chunks_and_arrives_whole() -> None:
    phone_pipe, pc_pipe = await pipes()
    assert window_bytes(pc_pipe._connection) >= FIRST_WINDOW_BYTES
    phone = Channel(phone_pipe, Offered(serve=serve, answers={}))
    pc = Channel(pc_pipe, Offered(serve=serve, answers={}))
    running = [asyncio.create_task(channel.run()) for channel in (phone, pc)]
    got = [chunk async for chunk in phone.chunks(ROOT, 0, len(CHUNKS))]
    assert got == CHUNKS
    for channel in (phone, pc):
        await channel.close()
    await asyncio.gather(*running)


def test_candidates_that_are_names_are_set_aside() -> None:
    host = "a=candidate:1 1 udp 2113937151 192.168.1.5 5000 typ host\r\n"
    name = "a=candidate:2 1 udp 2113937151 6e0a-1.local 5001 typ host generation 0\r\n"
    rest, names = split_names("v=0\r\n" + host + name + "a=mid:0\r\n")
    assert rest == "v=0\r\n" + host + "a=mid:0\r\n"
    assert names == ["2 1 udp 2113937151 6e0a-1.local 5001 typ host generation 0"]


async def test_a_name_that_nobody_answers_to_does_not_hold_up_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def silence(_protocol: mdns.MDnsProtocol, _name: str, **_options: float | None) -> str | None:
        asked.set()
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(mdns.MDnsProtocol, "resolve", silence)
    offering = await webrtc.offer(None)
    name = "a=candidate:9 1 udp 2113937151 00000000-0000-4000-8000-000000000000.local 5001 typ host\r\n"
    sdp = offering.sdp.replace("a=end-of-candidates\r\n", name)
    assert name in sdp
    async with asyncio.timeout(60):
        _, pipe = await webrtc.answer_offer(sdp, None)
        await asked.wait()
    await pipe.close()
    await offering.pipe.close()


async def test_a_check_that_came_too_early_is_repeated_when_the_peers_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stun, "RETRY_RTO", 3_600.0)  # nothing is repeated for its time being over
    early: set[bytes] = set()
    send = ice.StunProtocol.send_stun

    def behind_a_router(self: Any, message: stun.Message, address: tuple[str, int]) -> None:
        asks = message.message_class == stun.Class.REQUEST and not self.receiver.ice_controlling
        if asks and message.transaction_id not in early:
            early.add(message.transaction_id)
            return
        send(self, message, address)

    monkeypatch.setattr(ice.StunProtocol, "send_stun", behind_a_router)
    offered, answering = await pipes()
    assert early
    for pipe in (offered, answering):
        await pipe.close()
