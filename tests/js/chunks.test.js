import assert from "node:assert/strict";
import { test } from "node:test";

import { toBase32 } from "../../client/core/bytes.js";
import { CHUNK_PLAIN_BYTES as PLAIN } from "../../client/core/crypto_labels.js";
import { WireError } from "../../client/core/wire_errors.js";
import { Chunks } from "../../client/io/swarm_chunks.js";
import { FakeHolder, FakeStore, sealedBlob } from "./sealed.js";

const song = await sealedBlob(20 * PLAIN + 5, 1);
const next = await sealedBlob(9 * PLAIN, 2);

const until = async (condition, why) => {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 6_000, why);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

test("a blob is read whole, each chunk fetched once", async () => {
  const holder = new FakeHolder([song]);
  const chunks = new Chunks(() => [holder], new FakeStore());
  assert.deepEqual(await chunks.readAll(song.ref), song.plain);
  assert.deepEqual(await chunks.readAll(song.ref), song.plain);
  assert.equal(new Set(holder.asked).size, holder.asked.length);
  assert.equal(holder.given.length, song.chunks.length);
});

test("the chunk that is needed comes before the rest", async () => {
  const holder = new FakeHolder([song], { delay_ms: 4 });
  const chunks = new Chunks(() => [holder], new FakeStore());
  await chunks.wish([{ ref: song.ref }]);
  await until(() => holder.given.length > 0, "nothing came");
  const plain = await chunks.read(song.ref, 18);
  assert.deepEqual(plain, song.plain.subarray(18 * PLAIN, 19 * PLAIN));
  assert.ok(holder.given.length < 8, `${holder.given.length} chunks came first`);
  assert.deepEqual(await chunks.readAll(song.ref), song.plain);
});

test("the song that plays is fetched before the one that follows", async () => {
  const holder = new FakeHolder([song, next]);
  const chunks = new Chunks(() => [holder], new FakeStore());
  await chunks.wish([{ ref: song.ref }, { ref: next.ref }]);
  await until(() => holder.given.length === song.chunks.length + next.chunks.length, "not everything came");
  const order = holder.asked.map((chunk) => chunk[0]).join("");
  assert.match(order, /^1+2+$/);
});

test("what is no longer wanted is cancelled", async () => {
  const holder = new FakeHolder([song, next], { delay_ms: 5 });
  const chunks = new Chunks(() => [holder], new FakeStore());
  await chunks.wish([{ ref: song.ref }]);
  await until(() => holder.given.length > 1, "nothing came");
  await chunks.wish([{ ref: next.ref }]);
  assert.deepEqual(await chunks.readAll(next.ref), next.plain);
  assert.ok(holder.cancelled > 0);
  assert.ok(holder.given.filter((chunk) => chunk.startsWith("1:")).length < song.chunks.length);
});

test("what is kept here is not fetched, and a damaged piece of it is", async () => {
  const store = new FakeStore();
  await new Chunks(() => [new FakeHolder([song])], store).readAll(song.ref);
  const name = toBase32(song.ref.root);
  store.chunks.get(`${name}:3`)[7] ^= 1;
  const holder = new FakeHolder([song]);
  const chunks = new Chunks(() => [holder], store);
  assert.deepEqual(await chunks.readAll(song.ref), song.plain);
  assert.deepEqual(holder.asked, ["1:3"]);
});

test("a holder that gives something else is passed over for another", async () => {
  const liar = new FakeHolder([song]);
  liar.spoil = (chunk) => {
    chunk[0] ^= 1;
    return chunk;
  };
  const honest = new FakeHolder([song]);
  const chunks = new Chunks(() => [liar, honest], new FakeStore());
  assert.deepEqual(await chunks.readAll(song.ref), song.plain);
  assert.equal(honest.given.length, song.chunks.length);
});

test("a holder that has not got it is passed over for another", async () => {
  const empty = new FakeHolder([]);
  const full = new FakeHolder([song]);
  const chunks = new Chunks(() => [empty, full], new FakeStore());
  await chunks.read(song.ref, 0);
  assert.deepEqual(await chunks.readAll(song.ref), song.plain);
  assert.ok(empty.asked.length <= 16, "it was asked again and again");
});

test("a chunk that is slow to come is asked of a second holder", async () => {
  const stuck = new FakeHolder([song]);
  stuck.silent = true;
  const quick = new FakeHolder([song]);
  const chunks = new Chunks(() => [stuck, quick].filter(({ closed }) => !closed), new FakeStore());
  const began = performance.now();
  assert.deepEqual(await chunks.read(song.ref, 0), song.plain.subarray(0, PLAIN));
  assert.ok(performance.now() - began > 200, "it was asked of both at once");
  assert.ok(!stuck.closed, "it came only once the first was left");
});

test("a holder that falls silent is left, and what it owed comes from another", async () => {
  const stuck = new FakeHolder([song], { delay_ms: 1 });
  const quick = new FakeHolder([song], { delay_ms: 1 });
  const chunks = new Chunks(() => [stuck, quick].filter(({ closed }) => !closed), new FakeStore());
  const reading = chunks.readAll(song.ref);
  await until(() => stuck.given.length > 2, "nothing came");
  stuck.silent = true;
  assert.deepEqual(await reading, song.plain);
  await until(() => stuck.closed, "it was not left");
});

test("what nobody gives fails with the reason that was given", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  const holder = new FakeHolder([song], { refuses: new WireError("refused", "this one may no longer be a member") });
  const chunks = new Chunks(() => [holder], new FakeStore(), () => now);
  const reading = chunks.read(song.ref, 0);
  const failed = assert.rejects(reading, /no longer be a member/);
  while (!holder.asked.length) await new Promise((resolve) => setImmediate(resolve));
  for (let step = 0; step < 250; step++) {
    now += 100;
    t.mock.timers.tick(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await failed;
});

test("a read that is given up leaves nothing behind", async () => {
  const chunks = new Chunks(() => [], new FakeStore());
  const stop = new AbortController();
  const reading = chunks.read(song.ref, 0, stop.signal);
  setTimeout(() => stop.abort(), 10);
  await assert.rejects(reading, /no longer wanted/);
});

test("music waits for a holder to come, and goes on by itself", async () => {
  const holders = [];
  const chunks = new Chunks(() => holders, new FakeStore());
  const reading = chunks.read(song.ref, 4);
  setTimeout(() => {
    holders.push(new FakeHolder([song]));
    chunks.holdersChanged();
  }, 50);
  assert.deepEqual(await reading, song.plain.subarray(4 * PLAIN, 5 * PLAIN));
});

test("a wish for the beginning of a song fetches the beginning, and says when it is here", async () => {
  const holder = new FakeHolder([song]);
  const chunks = new Chunks(() => [holder], new FakeStore());
  let fulfilled = false;
  chunks.fulfilled.on(() => (fulfilled = true));
  await chunks.wish([{ ref: song.ref, chunks: 4 }]);
  await until(() => fulfilled, "it was not said");
  assert.deepEqual(holder.given, ["1:0", "1:1", "1:2", "1:3"]);
});
