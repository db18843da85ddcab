"""Vectors of how devices meet: messages, pairing, the chunk channel."""

from __future__ import annotations

from typing import Any

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys
from node.ids import BlobRoot
from node.wire import channel, codec, pairing, roster
from node.wire.envelope import open_message, seal_to_member, seal_to_room
from node.wire.heads import open_heads, read_heads, sign_heads
from node.wire.roomframes import join_proof, lookup_proof
from node.wire.seedapi import sign_session
from node.wire.volume import VolumeBlob
from tests.vectors.common import error_name, hex_entries, member
from tests.wire.family import keys_of, make_family


def message_vectors() -> dict[str, Any]:
    family = make_family()
    second = EpochKeys(2, b"\x08" * 32)
    later = roster.revoke(family.roster, family.founder, [family.seed.id], next_epoch=second, time_ms=4)
    without_player = roster.revoke(family.roster, family.founder, [family.player.id], next_epoch=second, time_ms=4)
    body = {"name": "Home PC", "heads": {}, "sdp": None, "list": [1, -1, 2**40, True, b"\0\xff"]}
    common = {"kind": "presence", "body": body, "counter": 1_700_000_000_000_007, "time_ms": 1_700_000_000_123}
    room = seal_to_room(family.founder, family.epoch, family.roster.library, nonce_12=b"n" * 12, **common)
    public = family.player.public
    direct = seal_to_member(family.founder, public.sign, public.receive, family.roster.library, **common)
    flipped = bytearray(room)
    flipped[-1] ^= 1
    of_player = seal_to_room(family.player, family.epoch, family.roster.library, nonce_12=b"m" * 12, **common)
    one, both = {1: family.epoch}, {1: family.epoch, 2: second}
    Case = tuple[str, bytes, roster.Roster, dict[int, EpochKeys]]
    good: list[Case] = [
        ("to the room", room, family.roster, one),
        ("to one member", direct, family.roster, one),
    ]
    bad: list[Case] = [
        ("one bit differs", bytes(flipped), family.roster, one),
        ("sealed with an epoch that has ended", room, later, both),
        ("of an epoch not known yet", room, later, {2: second}),
        ("by a member that was revoked", of_player, without_player, one),
        ("not a message", b"\x93\x01\x02", family.roster, one),
    ]

    def case(each: Case) -> dict[str, Any]:
        guards, data, known, epochs = each
        return {
            "guards": guards,
            "reader": member(family.player),
            "roster": hex_entries(known.entries),
            "epochs": {str(number): epoch.secret.hex() for number, epoch in epochs.items()},
            "message": data.hex(),
        }

    nonce = bytes(range(32))
    library, room_name = family.roster.library, family.epoch.room_name
    return {
        "good": [
            {
                **case(each),
                "sender": family.founder.id.hex(),
                "counter": common["counter"],
                "time_ms": common["time_ms"],
                "kind": "presence",
                "body_msgpack": codec.pack(body).hex(),
                "to_room": open_message(each[1], family.player, each[2], each[3]).to_room,
            }
            for each in good
        ],
        "bad": [
            {
                **case(each),
                "error": error_name(lambda each=each: open_message(each[1], family.player, each[2], each[3])),
            }
            for each in bad
        ],
        "join": {
            "guards": "a proof made for one server is of no use at another",
            "keys": member(family.player),
            "nonce": nonce.hex(),
            "host": "tracker.example:8443",
            "library": library.hex(),
            "room": room_name.hex(),
            "join_signature": join_proof(family.player, nonce, "tracker.example:8443", library, room_name).hex(),
            "lookup_signature": lookup_proof(family.player, nonce, "tracker.example:8443").hex(),
        },
        "seed_session": {
            "guards": "a proof made for one seed is of no use at another",
            "keys": member(family.player),
            "nonce": nonce.hex(),
            "host": "seed.example:7666",
            "library": library.hex(),
            "request": sign_session(family.player, nonce=nonce, host="seed.example:7666", library=library).hex(),
        },
        "heads": heads_vectors(),
    }


def heads_vectors() -> dict[str, Any]:
    """A heads record as a device leaves it at a seed, and what must not be taken for one."""
    family = make_family()
    blob: list[object] = [bytes([number]) * 32 for number in (1, 2, 3)] + [70_000, b"\x04" * 32]
    body = {"snapshot": blob, "heads": {family.founder.id + b"\0\0\0\1": 300}}

    def record(by: MemberKeys = family.founder, epoch: EpochKeys = family.epoch, library: Any = None) -> bytes:
        return sign_heads(
            by, epoch, library or family.roster.library, serial=1_700_000_000_123, time_ms=1_700_000_000_000,
            snapshot=VolumeBlob(BlobRoot(b"\x01" * 32), 81_920), body=body, nonce_12=b"n" * 12,
        )  # fmt: skip

    second = EpochKeys(2, b"\x08" * 32)
    without = roster.revoke(family.roster, family.founder, [family.player.id], next_epoch=second, time_ms=4)
    good = record()
    payload, signature = codec.unpack(good, max_bytes=len(good))
    altered = payload[:-1] + bytes([payload[-1] ^ 1])
    resigned = codec.pack([altered, family.founder.sign(labels.LABEL_SIGN_HEADS, altered)])
    bad: list[tuple[str, bytes, roster.Roster]] = [
        ("one bit of it differs", codec.pack([altered, signature]), family.roster),
        ("its content was sealed otherwise", resigned, family.roster),
        ("by a seed, which can read no catalog", record(family.seed), family.roster),
        ("by a member that was revoked", record(family.player), without),
        ("of another library", record(library=b"\x0f" * 32), family.roster),
        ("of an epoch that was not given", record(epoch=EpochKeys(3, b"\x08" * 32)), family.roster),
        ("not a record", b"\x92\xc4\x01\x00\xc4\x00", family.roster),
    ]

    def error(data: bytes, known: roster.Roster) -> str:
        return error_name(lambda: open_heads(read_heads(data, known), {1: family.epoch}))

    return {
        "epoch": [1, family.epoch.secret.hex()],
        "roster": hex_entries(family.roster.entries),
        "record": good.hex(),
        "body_msgpack": codec.pack(body).hex(),
        "bad": [
            {"guards": guards, "record": data.hex(), "roster": hex_entries(known.entries), "error": error(data, known)}
            for guards, data, known in bad
        ],
    }


def pairing_vectors() -> dict[str, Any]:
    code = bytes(range(10))
    new = pairing.Ephemeral(pairing.Side.NEW, b"\x11" * 32, b"\x12" * 32)
    old = pairing.Ephemeral(pairing.Side.OLD, b"\x21" * 32, b"\x22" * 32)
    at_new = new.agree(code, old.commit_frame(), old.reveal_frame())
    at_old = old.agree(code, new.commit_frame(), new.reveal_frame())
    phone = keys_of(4)
    bound_to = at_new.transcript + phone.public.sign + phone.public.receive
    salts = {side: [bytes([base + at]) * 32 for at in range(6)] for side, base in (("N", 0x30), ("O", 0x40))}
    digits = "240917"
    check_new = pairing.CheckCode(pairing.Side.NEW, digits, salts=salts["N"], bound_to=bound_to)
    check_old = pairing.CheckCode(pairing.Side.OLD, digits, salts=salts["O"], bound_to=bound_to)
    steps: list[tuple[str, bytes, list[object]]] = []

    def say(side: str, values: list[object]) -> None:
        channel_ = at_new if side == "N" else at_old
        steps.append((side, channel_.seal(values), values))

    say("N", ["hello", phone.public.sign, phone.public.receive, "Phone", check_new.commitments()])
    say("O", ["typed", check_old.commitments()])
    for place in range(pairing.CHECK_DIGITS):
        say("O", ["digit", *check_old.opening(place)])
        say("N", ["digit", *check_new.opening(place)])
    family = make_family()
    library = family.roster.library
    return {
        "guards": "both sides come to the same keys, and each message has its own direction and place",
        "code": code.hex(),
        "code_text": pairing.code_to_text(code),
        "room": pairing.pair_room(code),
        "link": pairing.invitation_link(
            "https://app.example/", pairing.Invitation(code, "wss://tracker.example:8443/sub")
        ),
        "new": {"secret": new.secret.hex(), "public": new.public.hex(), "salt": new.salt.hex()},
        "old": {"secret": old.secret.hex(), "public": old.public.hex(), "salt": old.salt.hex()},
        "frames": {
            "new_commit": new.commit_frame().hex(),
            "old_commit": old.commit_frame().hex(),
            "new_reveal": new.reveal_frame().hex(),
            "old_reveal": old.reveal_frame().hex(),
        },
        "transcript": at_new.transcript.hex(),
        "digits": digits,
        "salts": {side: [salt.hex() for salt in each] for side, each in salts.items()},
        "bound_to": bound_to.hex(),
        "commitments": {
            "N": [each.hex() for each in check_new.commitments()],
            "O": [each.hex() for each in check_old.commitments()],
        },
        "sealed": [
            {"from": side, "frame": frame.hex(), "plain_msgpack": codec.pack(values).hex()}
            for side, frame, values in steps
        ],
        "signed": {
            "keys": member(phone),
            "library": library.hex(),
            "signature": phone.sign(labels.LABEL_SIGN_PAIRING, at_new.transcript + library).hex(),
        },
    }


def channel_vectors() -> dict[str, Any]:
    root = BlobRoot(b"\xab" * 32)
    good: list[tuple[str, channel.Message]] = [
        ("get", channel.Get(7, root, 3, 256)),
        ("cancel", channel.Cancel(7)),
        ("data", channel.Data(7, 3, b"\x01\x02\x03")),
        ("end", channel.End(7)),
        ("no", channel.No(7, channel.Reason.NOT_ALLOWED)),
        ("ask", channel.Ask(8, "catalog", {"since": b"\x01", "limit": 5})),
        ("reply", channel.Reply(8, True, b"part")),
        ("reply, last", channel.Reply(8, False, b"")),
    ]
    bad = [
        ("nothing", b""),
        ("an unknown kind", b"\x63\0\0\0\1"),
        ("a get of no chunk", b"\x01" + b"\0\0\0\1" + bytes(32) + b"\0\0\0\0" + b"\0\0\0\0"),
        ("a get of 257 chunks", b"\x01" + b"\0\0\0\1" + bytes(32) + b"\0\0\0\0" + b"\0\0\1\1"),
        ("a get cut short", b"\x01" + b"\0\0\0\1" + bytes(31)),
        ("a chunk over 16 KiB", b"\x03" + b"\0\0\0\1" + b"\0\0\0\0" + bytes(16_385)),
        ("a chunk of nothing", b"\x03" + b"\0\0\0\1" + b"\0\0\0\0"),
        ("a cancel with more behind it", b"\x02\0\0\0\1\0"),
        ("a question that is not msgpack", b"\x06\0\0\0\1\xc1"),
        ("a reply with an unknown flag", b"\x07\0\0\0\1\2"),
    ]
    return {
        "good": [{"guards": guards, "bytes": channel.encode(message).hex()} for guards, message in good],
        "bad": [
            {"guards": guards, "bytes": data.hex(), "error": error_name(lambda data=data: channel.decode(data))}
            for guards, data in bad
        ],
    }
