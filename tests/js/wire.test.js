import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase32, fromHex, toBase32, toHex, utf8 } from "../../client/core/bytes.js";
import { askMessage, cancelMessage, getMessage, readChannel } from "../../client/core/channel.js";
import { pack, unpack } from "../../client/core/msgpack.js";
import { RoomReader, joinFrame, ownServer, roomUrl, rosterFrames } from "../../client/core/wire_room.js";
import { faultOf, memberKeys, vectors } from "./vectors.js";

const limits = { max_bytes: 1 << 20 };

test("msgpack gives back what was packed", () => {
  const values = [
    null, true, false, 0, 1, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2n ** 60n, -(2n ** 62n),
    -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, 1.5, -0.25, "", "a".repeat(31), "a".repeat(32), "é".repeat(200), "😀",
    [], Array.from({ length: 20 }, (_, at) => at), Array.from({ length: 70_000 }, () => 0), utf8("bytes"), new Uint8Array(70_000),
  ];
  for (const value of values) assert.deepEqual(unpack(pack(value), limits), value);
});

test("msgpack takes the shortest form, as Python does", () => {
  const known = { 127: "7f", 128: "cc80", 256: "cd0100", 65536: "ce00010000", 4294967296: "cf0000000100000000", "-32": "e0", "-33": "d0df", "-129": "d1ff7f" };
  for (const [value, hex] of Object.entries(known)) assert.equal(toHex(pack(Number(value))), hex);
});

test("a map's keys can't reach what every object has", () => {
  const map = unpack(pack(new Map([["__proto__", 1], ["toString", 2]])), limits);
  assert.equal(Object.getPrototypeOf(map), null);
  assert.equal(map.__proto__, 1);
  assert.equal(map.toString, 2);
});

test("a map with other keys than text is a Map", () => {
  assert.deepEqual([...unpack(pack(new Map([[1, "a"]])), limits)], [[1, "a"]]);
});

test("malformed msgpack is refused", async () => {
  const malformed = { nothing: "", "more than one value": "0101", "cut off": "a5616263", "not UTF-8": "a2fffe", extension: "d40100",
    "a count that can't be true": "ddffffffff", "no type": "c1", "too deep": "91".repeat(16) + "90", "a list as key": "819001" };
  for (const [why, hex] of Object.entries(malformed)) assert.equal(await faultOf(() => unpack(fromHex(hex), limits)), "peer", why);
  assert.equal(await faultOf(() => unpack(pack("long"), { max_bytes: 4 })), "peer");
  assert.equal(await faultOf(() => unpack(pack(1.5), { max_bytes: 100, floats: false })), "peer");
});

test("base32 has one form for the same bytes", () => {
  assert.equal(toBase32(fromHex("00010203040506070809")), vectors("pairing").code_text.replaceAll("-", ""));
  for (const length of [0, 1, 2, 3, 4, 5, 16, 32]) {
    const bytes = Uint8Array.from({ length }, (_, at) => at * 37);
    assert.deepEqual(fromBase32(toBase32(bytes)), bytes);
  }
  for (const wrong of ["A", "a1", "ab", "aaaaaaab", "aaaa====", "z"]) {
    const bytes = fromBase32(wrong);
    assert.ok(bytes === null || toBase32(bytes) === wrong, wrong);
  }
  assert.equal(fromBase32("ab"), null);
});

test("channel messages are the bytes that Python writes", () => {
  const good = Object.fromEntries(vectors("channel").good.map(({ guards, bytes }) => [guards, bytes]));
  assert.equal(toHex(getMessage(7, { root: new Uint8Array(32).fill(0xab), first: 3, count: 256 })), good.get);
  assert.equal(toHex(cancelMessage(7)), good.cancel);
  assert.equal(toHex(askMessage(8, "catalog", { since: Uint8Array.of(1), limit: 5 })), good.ask);
  assert.deepEqual(readChannel(fromHex(good.data)), { kind: "data", request: 7, index: 3, chunk: Uint8Array.of(1, 2, 3) });
  assert.deepEqual(readChannel(fromHex(good.end)), { kind: "end", request: 7 });
  assert.deepEqual(readChannel(fromHex(good.no)), { kind: "no", request: 7, reason: "not_allowed" });
  assert.deepEqual(readChannel(fromHex(good.reply)), { kind: "reply", request: 8, more: true, bytes: utf8("part") });
  assert.deepEqual(readChannel(fromHex(good["reply, last"])), { kind: "reply", request: 8, more: false, bytes: new Uint8Array(0) });
  assert.deepEqual(readChannel(fromHex(good.get)), { kind: "asked", request: 7 });
});

test("what no honest peer sends over the channel is refused", async () => {
  // A phone serves nothing, so it doesn't look into requests.
  const answers = vectors("channel").bad.filter(({ bytes }) => !/^0[126]/.test(bytes));
  assert.ok(answers.length >= 5);
  for (const { guards, bytes } of answers) assert.equal(await faultOf(() => readChannel(fromHex(bytes))), "peer", guards);
});

test("the proof for a room is the signature that Python makes", async () => {
  const { join } = vectors("messages");
  const keys = await memberKeys(join.keys);
  const frame = unpack(
    await joinFrame(keys, { nonce: fromHex(join.nonce), host: join.host, library: fromHex(join.library), name: fromHex(join.room), roster_length: 3, roster_digest: new Uint8Array(32).fill(7) }),
    limits,
  );
  assert.deepEqual(frame.slice(0, 5), ["join", fromHex(join.library), fromHex(join.room), keys.id, 3]);
  assert.equal(toHex(frame[5]), join.join_signature);
  assert.deepEqual(frame[6].roster, new Uint8Array(32).fill(7));
});

test("a long roster comes in parts and is read when it is whole", () => {
  const entries = Array.from({ length: 7 }, (_, at) => new Uint8Array(120_000).fill(at));
  const frames = rosterFrames(entries);
  assert.ok(frames.length > 1);
  assert.ok(frames.every((frame) => frame.length <= 320 * 1024));
  const reader = new RoomReader();
  const events = frames.map((frame) => reader.read(frame));
  assert.ok(events.slice(0, -1).every(({ kind }) => kind === "nothing"));
  assert.deepEqual(events.at(-1), { kind: "roster", entries });
});

test("a room's frames are read, and unknown words passed over", async () => {
  const member = new Uint8Array(32).fill(3);
  const reader = new RoomReader();
  assert.deepEqual(reader.read(pack(["joined", 4, [[4, member]], { stun: 3478 }])), {
    kind: "joined", own: 4, present: [{ connection: 4, member }], stun_port: 3478,
  });
  assert.deepEqual(reader.read(pack(["refused", 4403, "revoked"])), { kind: "refused", code: 4403, text: "revoked" });
  assert.deepEqual(reader.read(pack(["weather", "fine"])), { kind: "nothing" });
  for (const bad of [["came", 1], ["from", 1, member], ["challenge", new Uint8Array(31)], 7]) {
    assert.equal(await faultOf(() => reader.read(pack(bad))), "peer");
  }
});

test("a server's addresses follow from its base", () => {
  assert.equal(roomUrl("wss://t.example:8443/sub/", "room"), "wss://t.example:8443/sub/v1/room");
  assert.equal(ownServer("https://t.example/app/index.html#pair=x"), "wss://t.example/app");
  assert.equal(ownServer("http://127.0.0.1:8080/"), "ws://127.0.0.1:8080");
});
