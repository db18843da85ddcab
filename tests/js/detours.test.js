import assert from "node:assert/strict";
import { test } from "node:test";

import { concat, equal, fromHex, toBase32, toHex } from "../../client/core/bytes.js";
import { askMessage, getMessage } from "../../client/core/channel.js";
import { Emitter } from "../../client/core/emitter.js";
import { pack } from "../../client/core/msgpack.js";
import { readSession, sessionRequest } from "../../client/core/seed_session.js";
import { CHUNK_PLAIN_BYTES as PLAIN } from "../../client/core/crypto_labels.js";
import { detourTo } from "../../client/io/detours.js";
import { RelayWay } from "../../client/io/relay_way.js";
import { SeedRanges } from "../../client/io/seed_ranges.js";
import { Chunks } from "../../client/io/swarm_chunks.js";
import { FakeHolder, FakeStore, sealedBlob } from "./sealed.js";
import { faultOf, memberKeys, vectors } from "./vectors.js";

const CHUNK = 16_384;
const BASE = "http://seed.example:7666";
const song = await sealedBlob(20 * PLAIN + 5, 1);
const sealed = concat(...song.chunks);
const proof = vectors("messages").seed_session;
const member = { keys: await memberKeys(proof.keys), library: fromHex(proof.library) };
const range = { root: song.ref.root, first: 0, count: song.chunks.length };
const never = new AbortController().signal;

/** A body that never comes, and breaks off when it is no longer wanted. */
const silence = (signal) =>
  new ReadableStream({ start: (controller) => signal.addEventListener("abort", () => controller.error(signal.reason)) });
const answer = (body, status = 200) => new Response(body, { status });

/** A seed of HTTP answers alone. `asked` lists the paths, `gives` may answer otherwise. */
function fakeSeed({ gives = () => null, part_bytes = 10_007, heads = null } = {}) {
  const seed = { asked: [], capability: "first" };
  globalThis.fetch = async (url, { method = "GET", headers, body, signal }) => {
    const { pathname, searchParams } = new URL(url);
    seed.asked.push(pathname);
    const other = gives(pathname, signal);
    if (other) return other;
    if (pathname === "/v1/challenge") return answer(pack(fromHex(proof.nonce)));
    if (pathname === "/v1/session") {
      assert.equal(method, "POST");
      assert.equal(toHex(body), proof.request);
      return answer(pack([[member.library, seed.capability]]));
    }
    if (searchParams.get("cap") !== seed.capability) return answer(null, 401);
    if (pathname === "/v1/heads") return answer(heads);
    assert.equal(pathname, `/v1/blobs/${toBase32(song.ref.root)}`);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.Range);
    const bytes = sealed.slice(Number(first), Number(last) + 1);
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += part_bytes) controller.enqueue(bytes.slice(at, at + part_bytes));
        controller.close();
      },
    });
    signal.throwIfAborted();
    return answer(stream, 206);
  };
  return seed;
}

async function entered(given) {
  const seed = fakeSeed(given);
  const ranges = new SeedRanges(`${BASE}/`, member);
  const changed = new Promise((resolve) => ranges.changed.on(resolve));
  ranges.begin();
  await changed;
  return { seed, ranges };
}

async function given(ranges, { first, count } = range) {
  const came = [];
  await ranges.get({ root: song.ref.root, first, count }, (index, chunk) => came.push([index, chunk]), never);
  return came;
}

test("the proof for a seed is the one that Python makes", async () => {
  const { host, request } = proof;
  assert.equal(toHex(await sessionRequest(member.keys, { nonce: fromHex(proof.nonce), host, library: member.library })), request);
  assert.equal(await faultOf(() => readSession(pack([[new Uint8Array(32), "cap"]]), member.library)), "peer");
  assert.equal(await faultOf(() => readSession(pack([[member.library, "x".repeat(401)]]), member.library)), "peer");
});

test("chunks are cut out of whatever parts a seed’s bytes come in", async () => {
  for (const part_bytes of [1_000, CHUNK, 3 * CHUNK + 1]) {
    const { ranges } = await entered({ part_bytes });
    const came = await given(ranges);
    assert.deepEqual(came.map(([index]) => index), song.chunks.map((_, index) => index));
    for (const [index, chunk] of came) assert.deepEqual(chunk, song.chunks[index]);
    const some = await given(ranges, { first: 3, count: 2 });
    assert.deepEqual(some, [[3, song.chunks[3]], [4, song.chunks[4]]]);
    assert.ok(ranges.heard_at_ms > 0);
  }
});

test("a song is read from a seed by ranges, and what was altered there is not", async () => {
  const { ranges } = await entered();
  assert.deepEqual(await new Chunks(() => [ranges], new FakeStore()).readAll(song.ref), song.plain);
  sealed[5 * CHUNK + 7] ^= 1;
  try {
    const other = new FakeHolder([song]);
    const chunks = new Chunks(() => [ranges, other], new FakeStore());
    assert.deepEqual(await chunks.readAll(song.ref), song.plain);
    assert.ok(other.given.includes("1:5"));
  } finally {
    sealed[5 * CHUNK + 7] ^= 1;
  }
});

test("a capability that has run out is asked for anew, once for all that need it", async () => {
  const { seed, ranges } = await entered();
  seed.capability = "second";
  await Promise.all([given(ranges, { first: 0, count: 2 }), given(ranges, { first: 2, count: 2 })]);
  assert.equal(seed.asked.filter((path) => path === "/v1/session").length, 2);
});

test("a seed answers what devices left there, with a capability that is still good, and no other question", async () => {
  const left = pack([new Uint8Array(200_000)]);
  const { seed, ranges } = await entered({ heads: left });
  seed.capability = "second";
  assert.deepEqual(await ranges.ask("heads", null, never), left);
  assert.equal(await faultOf(() => ranges.ask("lyrics", null, never)), "unavailable");
  const endless = await entered({ heads: new Uint8Array((8 << 20) + 1) });
  assert.equal(await faultOf(() => endless.ranges.ask("heads", null, never)), "peer");
});

test("what a seed answers instead of chunks is told as what it is", async () => {
  for (const [status, fault] of [[403, "refused"], [404, "unavailable"], [409, "damaged"], [416, "unavailable"], [503, "unavailable"]]) {
    const { ranges } = await entered({ gives: (path) => (path.startsWith("/v1/blobs/") ? answer(null, status) : null) });
    assert.equal(await faultOf(() => given(ranges)), fault, `${status}`);
  }
});

test("more or less than was asked for is refused", async () => {
  for (const [size_bytes, fault] of [[2 * CHUNK + 1, "peer"], [CHUNK, "unavailable"]]) {
    const { ranges } = await entered({ gives: (path) => (path.startsWith("/v1/blobs/") ? answer(new Uint8Array(size_bytes), 206) : null) });
    assert.equal(await faultOf(() => given(ranges, { first: 0, count: 2 })), fault);
  }
});

test("a seed that lets nobody in, or answers without end, is closed", async () => {
  for (const given of [answer(null, 403), answer(new Uint8Array(100_000)), answer(pack(new Uint8Array(31)))]) {
    const { ranges } = await entered({ gives: (path) => (path === "/v1/challenge" ? given : null) });
    assert.ok(ranges.closed && !ranges.open);
  }
});

test("closing ends what is under way", async () => {
  const { ranges } = await entered({
    gives: (path, signal) => (path.startsWith("/v1/blobs/") ? answer(silence(signal), 206) : null),
  });
  const asked = given(ranges);
  const failed = faultOf(() => asked);
  await new Promise((resolve) => setImmediate(resolve));
  ranges.close();
  assert.equal(await failed, "unavailable");
});

/** A room where `pc` is, and what was told in it. */
function fakeRoom(pc) {
  const room = { base: "ws://seed.example:7666", joined: true, changed: new Emitter(), told: [], here: true };
  room.has = (member) => room.here && equal(member, pc);
  room.tell = async (member, kind, { session, data }) => {
    assert.ok(equal(member, pc));
    assert.equal(kind, "relay");
    room.told.push({ session, data });
  };
  return room;
}

const pc = new Uint8Array(32).fill(9);
const until = async (condition) => {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 2_000, "it never came");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
const dataMessage = (request, index, chunk) => concat(Uint8Array.of(3, 0, 0, 0, request, 0, 0, 0, index), chunk);

async function greeted(t) {
  const room = fakeRoom(pc);
  const way = new RelayWay(room, pc);
  t.after(() => way.close());
  way.begin();
  await until(() => room.told.length === 1);
  const [{ session, data }] = room.told;
  assert.equal(data.length, 0);
  assert.ok(!way.open);
  way.hear({ session, data });
  assert.ok(way.open);
  return { room, way, session };
}

test("a computer that greets back through the room is asked for chunks there, message by message", async (t) => {
  const { room, way, session } = await greeted(t);
  const came = [];
  const getting = way.get({ root: song.ref.root, first: 3, count: 2 }, (index, chunk) => came.push([index, chunk]), never);
  const asking = way.ask("lyrics", { track: "x" }, never);
  await until(() => room.told.length === 3);
  assert.deepEqual(room.told[1].data, getMessage(1, { root: song.ref.root, first: 3, count: 2 }));
  assert.deepEqual(room.told[2].data, askMessage(2, "lyrics", { track: "x" }));
  way.hear({ session: new Uint8Array(16), data: dataMessage(1, 3, song.chunks[5]) });
  way.hear({ session, data: dataMessage(1, 3, song.chunks[3]) });
  way.hear({ session, data: dataMessage(1, 4, song.chunks[4]) });
  way.hear({ session, data: Uint8Array.of(4, 0, 0, 0, 1) });
  await getting;
  assert.deepEqual(came, [[3, song.chunks[3]], [4, song.chunks[4]]]);
  way.hear({ session, data: Uint8Array.of(7, 0, 0, 0, 2, 0, 5) });
  assert.deepEqual(await asking, Uint8Array.of(5));
  assert.equal(await faultOf(() => way.hear({ session, data: "text" })), "peer");
});

test("a computer that doesn’t know yet that the phone is here is greeted again", async (t) => {
  const room = fakeRoom(pc);
  const way = new RelayWay(room, pc);
  t.after(() => way.close());
  way.begin();
  await until(() => room.told.length === 2);
  const [first, second] = room.told;
  assert.ok(equal(first.session, second.session) && second.data.length === 0);
  way.hear(second);
  assert.ok(way.open);
});

test("messages leave in order and no faster than a seed’s room takes them", async (t) => {
  const { room, way } = await greeted(t);
  const began_ms = performance.now();
  const asked = [1, 2, 3, 4].map((number) => way.ask("lyrics", { number }, never));
  for (const each of asked) each.catch(() => {});
  await until(() => room.told.length === 5);
  assert.ok(performance.now() - began_ms >= 3 * 44, "too fast");
  assert.deepEqual(room.told.slice(1).map(({ data }) => data), [1, 2, 3, 4].map((number) => askMessage(number, "lyrics", { number })));
  way.close();
  for (const each of asked) assert.equal(await faultOf(() => each), "unavailable");
});

test("the way through a room ends when the computer leaves it, breaks the protocol, or never greets back", async (t) => {
  const left = await greeted(t);
  left.room.here = false;
  left.room.changed.emit();
  assert.ok(left.way.closed);
  const broken = await greeted(t);
  broken.way.hear({ session: broken.session, data: Uint8Array.of(99, 0, 0, 0, 0) });
  assert.ok(broken.way.closed);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const silent = new RelayWay(fakeRoom(pc), pc);
  silent.begin();
  t.mock.timers.tick(10_001);
  assert.ok(silent.closed && !silent.open);
});

test("a detour to a seed is its own address, to a computer a seed’s room where both are, and never a tracker’s", () => {
  const seed = { sign: new Uint8Array(32).fill(7), addresses: [BASE] };
  const membership = { roster: { active: () => [seed] }, keys: member.keys, library: member.library };
  const room = fakeRoom(pc);
  const tracker = { ...fakeRoom(pc), base: "ws://tracker.example" };
  const reach = { membership, rooms: [tracker, room], isUsable: () => true };
  assert.ok(detourTo(seed.sign, reach) instanceof SeedRanges);
  assert.equal(detourTo(seed.sign, { ...reach, isUsable: () => false }), null);
  assert.ok(detourTo(pc, reach) instanceof RelayWay);
  assert.equal(detourTo(pc, { ...reach, rooms: [tracker] }), null);
  room.here = false;
  assert.equal(detourTo(pc, reach), null);
});
