import assert from "node:assert/strict";
import { test } from "node:test";

import { HEAD_CHUNKS, headsIn, isHere, likely, mayWarm, toLetGo } from "../../client/core/held_music.js";
import { giveStorage } from "./storage.js";

const CHUNK = 16_384;
const ref = (chunks) => ({ size_bytes: chunks * 16_000, root: new Uint8Array(32), key: new Uint8Array(32), commitment: new Uint8Array(32), sha256: new Uint8Array(32) });
const stored = (root, size_bytes, used_ms, kept = false) => ({ root, size_bytes, used_ms, kept, bits: new Uint8Array(0) });

test("a blob is here when each of its chunks is", () => {
  const song = ref(10);
  assert.equal(isHere(undefined, song), false);
  assert.equal(isHere({ ...stored("a", 0, 0), bits: Uint8Array.of(0xff) }, song), false);
  assert.equal(isHere({ ...stored("a", 0, 0), bits: Uint8Array.of(0xff, 0xff) }, song), true);
  assert.equal(isHere({ ...stored("a", 0, 0), bits: Uint8Array.of(0x0f) }, song, HEAD_CHUNKS), true);
  assert.equal(isHere({ ...stored("a", 0, 0), bits: Uint8Array.of(0x0d) }, song, HEAD_CHUNKS), false);
});

test("songs played lately are likely, then the rest of their albums, then the newest", () => {
  const tracks = [
    { id: "old", album: "x", added_ms: 1 },
    { id: "played", album: "y", added_ms: 2 },
    { id: "beside", album: "y", added_ms: 3 },
    { id: "new", album: null, added_ms: 9 },
  ];
  assert.deepEqual(likely(tracks, ["gone", "played"], 10), ["played", "beside", "new", "old"]);
  assert.deepEqual(likely(tracks, ["played"], 2), ["played", "beside"]);
  assert.deepEqual(likely([], ["played"], 2), []);
});

test("room is made by what was used longest ago, never by what is to stay or is in use", () => {
  const song = 100 * CHUNK;
  const all = [stored("oldest", song, 1), stored("kept", song, 0, true), stored("playing", song, 2), stored("newest", song, 3), stored("head", 4 * CHUNK, 0)];
  assert.deepEqual(toLetGo(all, 3 * song, new Set(["playing"])), []);
  assert.deepEqual(toLetGo(all, song + 4 * CHUNK, new Set(["playing"])), ["oldest"]);
  assert.deepEqual(toLetGo(all, song, new Set(["playing"])), ["oldest", "newest"]);
  assert.deepEqual(toLetGo(all, 0, new Set(["playing"])), ["oldest", "newest", "head"]);
});

test("beginnings of about 4,500 songs fit into 300 MB", () => {
  assert.equal(headsIn(300_000_000), 4577);
});

test("beginnings are not fetched ahead while everything comes through a seed’s room", () => {
  assert.ok(mayWarm([]));
  assert.ok(mayWarm([{ path: "relay" }, { path: "ranges" }]));
  assert.ok(!mayWarm([{ path: "relay" }, { path: "relay" }]));
});

test("of songs that are to stay and of which nothing plays here, a computer is asked to make what does, some at a time", async () => {
  giveStorage();
  const { SwarmKeeping } = await import("../../client/io/swarm_keeping.js");
  const songs = ["plays", "a", "b", "c", "d", "e"];
  const asked = [];
  const keeping = new SwarmKeeping({
    store: { list: async () => [], remove: async () => {}, keep: async () => {} },
    library: () => null,
    music: (id) => (id === "plays" ? ref(1) : null),
    make: (id) => asked.push(id),
    needed: () => new Set(),
    forgotten: async () => {},
    reach: () => ({ ways: [], month_bytes: { device: 0, node: 0, seed: 0 } }),
  });
  await keeping.load();
  await keeping.set(songs, true);
  assert.equal(keeping.next().length, 1);
  assert.equal(asked.length, 3);
  for (let turn = 0; turn < 5; turn++) keeping.next();
  assert.deepEqual([...new Set(asked)].sort(), ["a", "b", "c", "d", "e"]);
});
