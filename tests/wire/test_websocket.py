"""Frames of WebSocket: what RFC 6455 says is understood, in whatever pieces it comes, and nothing else."""

from __future__ import annotations

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import PeerError
from node.wire import websocket
from node.wire.websocket import BINARY, CLOSE, PING, PONG, TEXT, Frames

LIMIT = 70_000


def client_frame(opcode: int, payload: bytes, *, last: bool = True, mask: bytes = b"\x37\xfa\x21\x3d") -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", (0x80 if last else 0) | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", (0x80 if last else 0) | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", (0x80 if last else 0) | opcode, 0x80 | 127, size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def test_the_examples_of_the_rfc_are_read() -> None:
    assert websocket.handshake("dGhlIHNhbXBsZSBub25jZQ==").endswith(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    assert Frames(LIMIT).feed(bytes.fromhex("818537fa213d7f9f4d5158")) == [(TEXT, b"Hello")]
    assert websocket.frame(PING, b"Hello") == bytes.fromhex("890548656c6c6f")
    assert websocket.frame(BINARY, bytes(256))[:4] == bytes.fromhex("827e0100")
    assert websocket.frame(BINARY, bytes(65_536))[:10] == bytes.fromhex("827f0000000000010000")


SENT = st.tuples(
    st.sampled_from([BINARY, TEXT, PING, PONG, CLOSE]), st.binary(max_size=300), st.binary(min_size=4, max_size=4)
)


@given(st.lists(SENT, max_size=8), st.lists(st.integers(1, 400), max_size=30))
def test_any_frames_in_any_pieces_come_out_as_they_went_in(
    messages: list[tuple[int, bytes, bytes]], cuts: list[int]
) -> None:
    sent = [(opcode, payload if opcode < CLOSE else payload[:125]) for opcode, payload, _ in messages]
    whole = b"".join(client_frame(*one, mask=mask) for one, (_, _, mask) in zip(sent, messages, strict=True))
    frames, got, at = Frames(LIMIT), [], 0
    for cut in [*cuts, len(whole)]:
        got += frames.feed(whole[at : at + cut])
        at += cut
    assert got == sent


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536, LIMIT])
def test_every_size_up_to_the_limit_is_read_byte_by_byte_too(size: int) -> None:
    payload = os.urandom(size)
    data = client_frame(BINARY, payload)
    assert Frames(LIMIT).feed(data) == [(BINARY, payload)]
    frames = Frames(LIMIT)
    for at in range(len(data) - 1):
        assert frames.feed(data[at : at + 1]) == []
    assert frames.feed(data[-1:]) == [(BINARY, payload)]


def test_fragments_are_put_together_and_control_frames_may_come_between() -> None:
    frames = Frames(LIMIT)
    data = (
        client_frame(BINARY, b"one ", last=False) + client_frame(PING, b"?") + client_frame(0, b"two ", last=False)
        + client_frame(0, b"three") + client_frame(BINARY, b"next")
    )  # fmt: skip
    assert frames.feed(data) == [(PING, b"?"), (BINARY, b"one two three"), (BINARY, b"next")]


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x82\x05Hello",  # not masked
        client_frame(BINARY, bytes(LIMIT + 1)),
        client_frame(BINARY, bytes(LIMIT + 1))[:14],  # known by its length alone
        client_frame(BINARY, bytes(40_000), last=False) + client_frame(0, bytes(40_000)),
        client_frame(BINARY, b"", last=False) + client_frame(0, b"", last=False) * 300,
        client_frame(0, b"of nothing"),
        client_frame(BINARY, b"", last=False) + client_frame(BINARY, b"within"),
        client_frame(0x3, b""),
        client_frame(0xB, b""),
        client_frame(PING, bytes(126)),
        client_frame(PING, b"", last=False),
        b"\xc2" + client_frame(BINARY, b"compressed")[1:],
    ],
)
def test_what_no_client_may_send_is_refused(wrong: bytes) -> None:
    with pytest.raises(PeerError):
        Frames(LIMIT).feed(wrong)


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_noise_is_read_or_refused(pieces: list[bytes]) -> None:
    frames = Frames(LIMIT)
    try:
        for piece in pieces:
            for opcode, payload in frames.feed(piece):
                assert opcode in (TEXT, BINARY, CLOSE, PING, PONG)
                assert len(payload) <= LIMIT
    except PeerError:
        pass


@pytest.mark.parametrize("key", ["", "x", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQ==\r\nX: y", "é" * 24])
def test_a_handshake_without_a_proper_key_is_none(key: str) -> None:
    with pytest.raises(PeerError):
        websocket.handshake(key)


def test_a_goodbye_fits_a_control_frame_whatever_it_says() -> None:
    for text in ("", "bye", "ü" * 200):
        data = websocket.close_frame(4400, text)
        assert len(data) <= 127
        data[4:].decode()
