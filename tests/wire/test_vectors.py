"""The vectors that other languages are tested against: Python must pass them as they stand in the files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from node.catalog.batch import decode_batch
from node.catalog.hlc import next_stamp
from node.crypto import labels, merkle
from node.crypto.blob import BlobCipher, Purpose, blob_key
from node.crypto.keys import EpochKeys, MemberKeys, derive, track_id, verify
from node.crypto.phrase import entropy_from_phrase, recovery_keys
from node.errors import DamagedError, PeerError, RefusedError, SongkeepError, UnavailableError, UnknownFormatError
from node.ids import DeviceId, LibraryId
from node.wire import channel, codec, dhtrecord, pairing
from node.wire.envelope import open_message
from node.wire.grants import check_grant, read_grant, sign_grant
from node.wire.heads import open_heads, read_heads
from node.wire.offer import check_offer, read_offer, sign_offer
from node.wire.roomframes import join_proof, lookup_proof
from node.wire.roster import extend, merged, read_roster
from node.wire.seedapi import read_session, sign_session
from node.wire.usage import read_usage, sign_usage
from tests.vectors.common import pattern
from tests.vectors.rosters import state_of

FILES = Path(__file__).parent.parent / "vectors"
ERRORS: dict[str, type[SongkeepError]] = {
    "peer": PeerError,
    "refused": RefusedError,
    "unknown_format": UnknownFormatError,
    "unavailable": UnavailableError,
}


def load(name: str) -> Any:
    return json.loads((FILES / f"{name}.json").read_text("utf-8"))


def by_guard(vectors: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("vector", vectors, ids=[each["guards"] for each in vectors])


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def entries(texts: list[str]) -> list[bytes]:
    return [raw(each) for each in texts]


def keys_from(vector: dict[str, str]) -> MemberKeys:
    return MemberKeys(raw(vector["sign_secret"]), raw(vector["receive_secret"]))


def test_the_key_tree() -> None:
    vectors = load("keys")
    for each in vectors["derive"]:
        made = derive(
            raw(each["secret"]), each["label"].encode(), raw(each["context"]), length_bytes=each["length_bytes"]
        )
        assert made.hex() == each["out"]
    phrase = vectors["phrase"]
    recovered = recovery_keys(entropy_from_phrase(phrase["words"]))
    assert recovered.public.sign.hex() == phrase["recovery"]["sign"]
    assert recovered.public.receive.hex() == phrase["recovery"]["receive"]
    epoch = EpochKeys(1, raw(vectors["epoch"]["secret"]))
    for name in ("convergence", "room", "room_name", "log", "volume", "identity", "seed_capability"):
        assert getattr(epoch, name).hex() == vectors["epoch"][name]
    assert epoch.lan_tag(vectors["epoch"]["lan_tag"]["day"]).hex() == vectors["epoch"]["lan_tag"]["tag"]
    track = vectors["epoch"]["track"]
    assert track_id(epoch.identity, raw(track["digest"])) == track["id"]
    signed, sealed = vectors["sign"], vectors["seal_to"]
    verify(keys_from(signed["keys"]).id, signed["label"].encode(), raw(signed["message"]), raw(signed["signature"]))
    opened = keys_from(sealed["keys"]).open_sealed(
        sealed["label"].encode(), raw(sealed["sealed"]), raw(sealed["context"])
    )
    assert opened.hex() == sealed["plain"]


def test_a_record_in_the_dht() -> None:
    vector = load("dht")
    keys, library, day = keys_from(vector["device"]), LibraryId(raw(vector["library"])), vector["day"]
    epoch = EpochKeys(vector["epoch"]["number"], raw(vector["epoch"]["secret"]))
    assert dhtrecord.dht_secret(keys).hex() == vector["secret"]
    assert dhtrecord.read_dht_key(entries(vector["signed_key"]), keys.id, library).hex() == vector["public"]
    assert dhtrecord.place_of(epoch, keys.id, day).hex() == vector["place"]
    record = dhtrecord.open_record(raw(vector["record"]), epoch, library, keys.id, day=day)
    assert (record.serial, list(record.addresses)) == (vector["serial"], vector["addresses"])
    assert (record.pin.hex(), record.heads.hex()) == (vector["pin"], vector["heads"])


@by_guard(load("dht")["bad"])
def test_a_record_in_the_dht_that_is_refused(vector: dict[str, Any]) -> None:
    epoch = EpochKeys(vector["epoch"]["number"], raw(vector["epoch"]["secret"]))
    library = LibraryId(raw(load("dht")["library"]))
    with pytest.raises(ERRORS[vector["error"]]):
        dhtrecord.open_record(raw(vector["record"]), epoch, library, DeviceId(raw(vector["device"])), day=vector["day"])


@by_guard(load("blobs"))
def test_a_blob(vector: dict[str, Any]) -> None:
    plain = pattern(vector["size_bytes"])
    key = blob_key(
        raw(vector["convergence"]), Purpose(vector["purpose"]), size_bytes=len(plain), sha256=raw(vector["sha256"])
    )
    assert (hashlib.sha256(plain).hexdigest(), key.hex()) == (vector["sha256"], vector["key"])
    cipher = BlobCipher(key, len(plain), commitment=raw(vector["commitment"]))
    chunks = list(cipher.seal_all(plain))
    assert hashlib.sha256(b"".join(chunks)).hexdigest() == vector["sealed_sha256"]
    root, layer = merkle.root_of_chunks(chunks)
    assert (root.hex(), layer.hex()) == (vector["root"], vector["layer"])
    assert b"".join(cipher.open_chunk(index, chunk) for index, chunk in enumerate(chunks)) == plain


@by_guard(load("blob_refusals"))
def test_a_chunk_that_must_not_open(vector: dict[str, Any]) -> None:
    cipher = BlobCipher(raw(vector["key"]), vector["size_bytes"])
    with pytest.raises(DamagedError):
        cipher.open_chunk(vector["index"], raw(vector["sealed"]))


@by_guard(load("merkle"))
def test_a_tree(vector: dict[str, Any]) -> None:
    count = vector["chunks"]
    chunks = [bytes([at]) * (labels.CHUNK_BYTES if at < count - 1 else 100) for at in range(count)]
    root, layer = merkle.root_of_chunks(chunks)
    assert (root.hex(), layer.hex()) == (vector["root"], vector["layer"])


@by_guard(load("roster")["good"])
def test_a_roster(vector: dict[str, Any]) -> None:
    known = read_roster(entries(vector["entries"]))
    state = vector["state"]
    assert (known.library.hex(), known.head.hex(), known.epoch) == (state["library"], state["head"], state["epoch"])
    assert state["members"] == [
        {"id": id_.hex(), "role": str(each.role), "active": each.active, "addresses": list(each.addresses)}
        for id_, each in known.members.items()
    ]
    for name in ("phone", "founder"):
        epochs = known.epochs_for(keys_from(load("roster")["keys"][name]))
        assert {str(number): epoch.secret.hex() for number, epoch in epochs.items()} == vector[f"epochs_of_{name}"]


@by_guard(load("roster")["bad"])
def test_a_roster_that_must_be_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        read_roster(entries(vector["entries"]))


@by_guard(load("roster")["extend"])
def test_a_roster_that_does_not_follow(vector: dict[str, Any]) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        extend(read_roster(entries(vector["known"])), entries(vector["offered"]))


@by_guard(load("roster")["forks"])
def test_a_roster_that_forked(vector: dict[str, Any]) -> None:
    known = read_roster(entries(vector["known"]))
    for offered in vector["offered"]:
        known = merged(known, entries(offered))
    assert state_of(known) == vector["state"]


def open_vector(vector: dict[str, Any]) -> Any:
    epochs = {int(number): EpochKeys(int(number), raw(secret)) for number, secret in vector["epochs"].items()}
    return open_message(
        raw(vector["message"]), keys_from(vector["reader"]), read_roster(entries(vector["roster"])), epochs
    )


@by_guard(load("messages")["good"])
def test_a_message(vector: dict[str, Any]) -> None:
    message = open_vector(vector)
    assert message.sender.hex() == vector["sender"]
    assert (message.counter, message.time_ms, message.kind) == (vector["counter"], vector["time_ms"], vector["kind"])
    assert codec.pack(message.body).hex() == vector["body_msgpack"]
    assert message.to_room == vector["to_room"]


@by_guard(load("messages")["bad"])
def test_a_message_that_must_be_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        open_vector(vector)


def test_the_proof_for_a_seed() -> None:
    vector = load("messages")["seed_session"]
    keys, nonce, library = keys_from(vector["keys"]), raw(vector["nonce"]), raw(vector["library"])
    assert sign_session(keys, nonce=nonce, host=vector["host"], library=library) == raw(vector["request"])
    assert read_session(raw(vector["request"]), host=vector["host"]).member == keys.id
    with pytest.raises(PeerError):
        read_session(raw(vector["request"]), host="evil.example")


def test_a_heads_record() -> None:
    vector = load("messages")["heads"]
    number, secret = vector["epoch"]
    epochs = {number: EpochKeys(number, raw(secret))}
    heads = read_heads(raw(vector["record"]), read_roster(entries(vector["roster"])))
    assert codec.pack(open_heads(heads, epochs)).hex() == vector["body_msgpack"]
    for bad in vector["bad"]:
        with pytest.raises(ERRORS[bad["error"]]):
            open_heads(read_heads(raw(bad["record"]), read_roster(entries(bad["roster"]))), epochs)


def test_proofs_for_a_room() -> None:
    vector = load("messages")["join"]
    keys, nonce = keys_from(vector["keys"]), raw(vector["nonce"])
    library, room = raw(vector["library"]), raw(vector["room"])
    assert join_proof(keys, nonce, vector["host"], library, room).hex() == vector["join_signature"]  # type: ignore[arg-type]
    assert lookup_proof(keys, nonce, vector["host"]).hex() == vector["lookup_signature"]


def test_a_pairing() -> None:
    vector = load("pairing")
    code = raw(vector["code"])
    assert pairing.code_from_text(vector["code_text"]) == code
    assert pairing.pair_room(code) == vector["room"]
    assert pairing.read_invitation(vector["link"]) == pairing.Invitation(code, "wss://tracker.example:8443/sub")
    sides = {
        side: pairing.Ephemeral(side, raw(vector[name]["secret"]), raw(vector[name]["salt"]))
        for side, name in ((pairing.Side.NEW, "new"), (pairing.Side.OLD, "old"))
    }
    frames = {name: raw(frame) for name, frame in vector["frames"].items()}
    new = sides[pairing.Side.NEW].agree(code, frames["old_commit"], frames["old_reveal"])
    old = sides[pairing.Side.OLD].agree(code, frames["new_commit"], frames["new_reveal"])
    assert new.transcript.hex() == old.transcript.hex() == vector["transcript"]
    for step in vector["sealed"]:
        plain = codec.unpack(raw(step["plain_msgpack"]), max_bytes=1 << 20)
        sender, receiver = (new, old) if step["from"] == "N" else (old, new)
        assert sender.seal(plain).hex() == step["frame"]
        assert receiver.open(raw(step["frame"]), plain[0], len(plain)) == plain
    for side, salts in vector["salts"].items():
        check = pairing.CheckCode(
            pairing.Side(side), vector["digits"], salts=entries(salts), bound_to=raw(vector["bound_to"])
        )
        assert [each.hex() for each in check.commitments()] == vector["commitments"][side]
    signed = vector["signed"]
    verify(
        keys_from(signed["keys"]).id,
        labels.LABEL_SIGN_PAIRING,
        raw(vector["transcript"]) + raw(signed["library"]),
        raw(signed["signature"]),
    )


@by_guard(load("channel")["good"])
def test_a_channel_message(vector: dict[str, Any]) -> None:
    assert channel.encode(channel.decode(raw(vector["bytes"]))).hex() == vector["bytes"]


@by_guard(load("channel")["bad"])
def test_a_channel_message_that_must_be_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        channel.decode(raw(vector["bytes"]))


@by_guard(load("batches")["signed"])
def test_batches_of_a_phone(vector: dict[str, Any]) -> None:
    batch = decode_batch(raw(vector["signed"]))
    assert (batch.seq, batch.previous.hex()) == (vector["head"]["seq"] + 1, vector["head"]["hash"])
    assert (str(batch.stamp), batch.hash.hex()) == (vector["stamp"], vector["hash"])
    assert [[*op.key] for op in batch.ops] == [each[:3] for each in vector["ops"]]


@by_guard(load("batches")["stamps"])
def test_clocks_of_batches(vector: dict[str, Any]) -> None:
    assert str(next_stamp(vector["now_ms"], int(vector["newest"]))) == vector["stamp"]


def test_what_tracker_and_seed_sign_for_each_other() -> None:
    vector = load("seeds")
    tracker, seed = keys_from(vector["tracker"]), keys_from(vector["seed"])
    for name, read, sign, keys in (
        ("grant", read_grant, sign_grant, tracker),
        ("usage", read_usage, sign_usage, seed),
        ("offer", read_offer, sign_offer, seed),
    ):
        told = dict(vector[name])
        signed = raw(told.pop("signed"))
        known = read(signed)  # type: ignore[operator]
        assert {key: value.hex() if isinstance(value, bytes) else value for key, value in vars_of(known)} == told
        assert sign(keys, known) == signed  # type: ignore[operator]


def vars_of(value: Any) -> list[tuple[str, Any]]:
    return [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]


@by_guard(load("seeds")["bad_offers"])
def test_an_offer_that_is_refused(vector: dict[str, Any]) -> None:
    tracker = raw(load("seeds")["tracker"]["sign"])
    with pytest.raises(ERRORS[vector["error"]]):
        check_offer(read_offer(raw(vector["signed"])), tracker=tracker, now_ms=vector["now_ms"])


@by_guard(load("seeds")["bad_usages"])
def test_a_usage_that_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        read_usage(raw(vector["signed"]))


@by_guard(load("seeds")["bad_grants"])
def test_a_grant_that_is_refused(vector: dict[str, Any]) -> None:
    good = load("seeds")
    with pytest.raises(ERRORS[vector["error"]]):
        check_grant(
            read_grant(raw(vector["signed"])),
            tracker=raw(good["tracker"]["sign"]),
            library=LibraryId(raw(good["grant"]["library"])),
            seed=DeviceId(raw(good["seed"]["sign"])),
            now_ms=good["now_ms"],
        )
