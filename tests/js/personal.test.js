// What a phone writes into the catalog, as every device reads it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toBase32, toHex } from "../../client/core/bytes.js";
import { makeBatch, nextStamp } from "../../client/core/catalog_batch.js";
import { appended, PersonalTables, takenOut } from "../../client/core/catalog_personal.js";
import { memberKeys, vectors } from "./vectors.js";

const batches = vectors("batches");

/** Ops as JSON carries them: bytes as {"bytes": hex}. */
const opOf = ([table, id, field, value]) => [table, id, field, valueOf(value)];
const valueOf = (value) => {
  if (Array.isArray(value)) return value.map(valueOf);
  return value?.bytes === undefined ? value : fromHex(value.bytes);
};

test("a batch is signed, byte for byte, as Python signs it", async () => {
  for (const { guards, keys, incarnation, head, stamp, seen, ops, signed, hash } of batches.signed) {
    const made = await makeBatch(await memberKeys(keys), {
      incarnation,
      head: { seq: head.seq, hash: fromHex(head.hash) },
      stamp: BigInt(stamp),
      seen: seen.map(([log, seq]) => [fromHex(log), seq]),
      ops: ops.map(opOf),
    });
    assert.equal(toHex(made.signed), signed, guards);
    assert.deepEqual({ seq: made.head.seq, hash: toHex(made.head.hash) }, { seq: head.seq + 1, hash }, guards);
  }
});

test("the clock of a batch is the one that Python chooses", () => {
  for (const { guards, now_ms, newest, stamp } of batches.stamps) {
    assert.equal(nextStamp(now_ms, BigInt(newest)), BigInt(stamp), guards);
  }
});

const TRACK = toBase32(new Uint8Array(16).fill(1));
const OTHER = toBase32(new Uint8Array(16).fill(2));

test("plays of several devices add up, and malformed values count for nothing", () => {
  const tables = new PersonalTables([]);
  tables.apply(["plays", TRACK, "one", [2, 5]]);
  tables.apply(["plays", TRACK, "two", [3, 9]]);
  tables.apply(["plays", TRACK, "hostile", [-4, 1e300]]);
  tables.apply(["rating", TRACK, "track", 9]);
  assert.deepEqual(tables.plays(TRACK), { plays: 5, played_ms: 9 });
  assert.deepEqual(tables.mark("track", TRACK), { starred_ms: null, rating: null });
});

test("a playlist keeps the order of its entries, and what is taken out is gone", () => {
  const tables = new PersonalTables([]);
  tables.apply(["playlist", "p", "name", "Train"]);
  let name = 0;
  for (const op of appended("p", [TRACK, OTHER, TRACK], { last: 0, newName: () => `n${name++}` })) tables.apply(op);
  const items = tables.playlist("p")?.items ?? [];
  assert.deepEqual(items.map(({ track }) => track), [TRACK, OTHER, TRACK]);
  for (const op of takenOut("p", items.slice(0, 2))) tables.apply(op);
  assert.deepEqual(tables.playlist("p")?.items.map(({ track }) => track), [TRACK]);
});

test("a star that was put and taken away before anybody was told is no star", () => {
  const tables = new PersonalTables([]);
  tables.apply(["star", TRACK, "track", 7]);
  assert.deepEqual(tables.starred("track"), [TRACK]);
  tables.apply(["star", TRACK, "track", null]);
  assert.deepEqual(tables.starred("track"), []);
});
