// Eight hours of shuffled play, as fast as the machine can: memory stays bounded, and the store within its budget.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { toBase32 } from "../../client/core/bytes.js";
import { shapeOf } from "../../client/core/crypto_blob.js";
import { CHUNK_BYTES, CHUNK_PLAIN_BYTES as PLAIN } from "../../client/core/crypto_labels.js";
import { seeded } from "./player_fixtures.js";
import { FakeHolder, FakeStore, sealedBlob } from "./sealed.js";
import { giveStorage } from "./storage.js";

/** Songs of three minutes. */
const HOURS = process.env.SONGKEEP_EXHAUSTIVE ? 24 : 8;
const PLAYED = HOURS * 20;
const SONGS = 150;
const SONG_BYTES = 25 * PLAIN;
const BUDGET_BYTES = 4_000_000;
/** What may be in memory: the opened chunks that are kept (24 MiB), and a little. All that is played here would be twice as much. */
const MEMORY_BYTES = 29 * 2 ** 20;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
/** After a few rounds: buffers go only with the round after the one that found them unused. */
async function memoryBytes() {
  for (let round = 0; round < 4; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

giveStorage();
const { Chunks } = await import("../../client/io/swarm_chunks.js");
const { SwarmKeeping } = await import("../../client/io/swarm_keeping.js");

/** The store with its records, as the worker keeps them. */
class Disk extends FakeStore {
  used = new Map();
  clock = 0;
  #record(root) {
    const chunks = [...this.chunks.keys()].filter((key) => key.startsWith(`${root}:`));
    const bits = new Uint8Array(8);
    for (const key of chunks) bits[Number(key.split(":")[1]) >> 3] |= 1 << (Number(key.split(":")[1]) & 7);
    return { root, bits, size_bytes: chunks.length * CHUNK_BYTES, used_ms: this.used.get(root) ?? 0, kept: false };
  }
  put(root, index, chunk) {
    this.used.set(root, this.clock++);
    super.put(root, index, chunk);
  }
  async list() {
    return [...new Set([...this.chunks.keys()].map((key) => key.split(":")[0]))].map((root) => this.#record(root));
  }
  async remove(root) {
    for (const key of [...this.chunks.keys()]) if (key.startsWith(`${root}:`)) this.chunks.delete(key);
  }
  async keep() {}
  get size_bytes() {
    return this.chunks.size * CHUNK_BYTES;
  }
}

test("eight hours of shuffled play leave memory bounded and the store within its budget", async () => {
  const songs = await Promise.all(Array.from({ length: SONGS }, (_, i) => sealedBlob(SONG_BYTES, i + 1)));
  const refs = new Map(songs.map(({ ref }, i) => [`song${i}`, ref]));
  const disk = new Disk();
  const chunks = new Chunks(() => [new FakeHolder(songs)], disk);
  let playing = [];
  const library = { forWarming: () => [...refs.keys()].map((id) => ({ id, album: null, added_ms: 0 })) };
  const keeping = new SwarmKeeping({
    store: disk,
    library: () => library,
    music: (id) => refs.get(id),
    needed: () => new Set(playing.map(({ root }) => toBase32(root))),
    forgotten: (roots) => chunks.forget(roots),
    reach: () => ({ ways: [], month_bytes: { device: 0, node: 0, seed: 0 } }),
  });
  await keeping.load();
  await keeping.setBudget(BUDGET_BYTES);
  chunks.came.on(({ size_bytes }) => keeping.grew(size_bytes));
  const random = seeded(7);
  const pick = () => `song${Math.floor(random() * SONGS)}`;
  const song_bytes = shapeOf(SONG_BYTES).sealed_bytes;
  // The budget, the songs in use, and what may come before the next look.
  const most_bytes = BUDGET_BYTES * 1.05 + 4 * song_bytes;
  let largest_bytes = 0;
  let peak_bytes = 0;
  let next = pick();
  const before_bytes = await memoryBytes();
  for (let number = 0; number < PLAYED; number++) {
    const now = next;
    next = pick();
    playing = [refs.get(now), refs.get(next)];
    keeping.played(now);
    await chunks.wish([...playing.map((ref) => ({ ref })), ...keeping.next()]);
    assert.equal((await chunks.readAll(refs.get(now))).length, SONG_BYTES);
    await keeping.fulfilled();
    largest_bytes = Math.max(largest_bytes, disk.size_bytes);
    assert.ok(disk.size_bytes <= most_bytes, `${disk.size_bytes} bytes are stored after ${number + 1} songs`);
    if (number % 20 === 19) peak_bytes = Math.max(peak_bytes, (await memoryBytes()) - before_bytes - disk.size_bytes);
  }
  assert.ok(largest_bytes > BUDGET_BYTES / 2, "the budget was never in danger");
  assert.ok(peak_bytes > 0, "memory was not measured");
  assert.ok(peak_bytes < MEMORY_BYTES, `${peak_bytes} bytes of memory`);
});
