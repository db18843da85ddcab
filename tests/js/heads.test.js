import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toBase32, toHex } from "../../client/core/bytes.js";
import { EpochKeys } from "../../client/core/crypto_keys.js";
import { headsRecords, openHeads, readHeads } from "../../client/core/heads.js";
import { pack, unpack } from "../../client/core/msgpack.js";
import { readRoster } from "../../client/core/roster_reading.js";
import { SeedHeads } from "../../client/io/swarm_heads.js";
import { unavailable } from "../../client/core/wire_errors.js";
import { faultOf, vectors } from "./vectors.js";

const vector = vectors("messages").heads;
const record = fromHex(vector.record);
const body = unpack(fromHex(vector.body_msgpack), { max_bytes: 1_000 });
const epochs = new Map([[vector.epoch[0], new EpochKeys(vector.epoch[0], fromHex(vector.epoch[1]))]]);
const roster = await readRoster(vector.roster.map(fromHex));

test("a heads record says what Python sealed in it", async () => {
  const { snapshot, heads } = await openHeads(await readHeads(record, roster), epochs);
  assert.equal(toHex(snapshot.root), toHex(body.snapshot[0]));
  assert.equal(snapshot.size_bytes, body.snapshot[3]);
  assert.deepEqual([...heads], [...body.heads].map(([log, seq]) => [toBase32(log), seq]));
});

test("what is no member’s record is refused for the reason that Python gives", async () => {
  assert.ok(vector.bad.length >= 7);
  for (const { guards, record: bad, roster: entries, error } of vector.bad) {
    const known = await readRoster(entries.map(fromHex));
    assert.equal(await faultOf(async () => openHeads(await readHeads(fromHex(bad), known), epochs)), error, guards);
  }
});

test("a seed’s answer that is no list of records is refused", async () => {
  for (const answer of [pack({}), pack([5]), pack([new Uint8Array(65_537)])]) assert.equal(await faultOf(() => headsRecords(answer)), "peer");
  assert.equal(headsRecords(pack(Array.from({ length: 1_001 }, () => record))).length, 1_000);
});

/** A seed that gives that answer, and who follows it. `offered`: the catalogs that were taken from it. */
function following(t, answers) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const made = { offered: [], asked: 0, library: null };
  made.seeds = answers.map((answer) => ({
    ask: async (kind) => {
      assert.equal(kind, "heads");
      made.asked++;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  }));
  const life = new AbortController();
  t.after(() => life.abort());
  const catalog = { get library() { return made.library; }, offered: (said) => made.offered.push(said) };
  made.heads = new SeedHeads({ seeds: () => made.seeds, membership: { roster, epochs }, catalog, signal: life.signal });
  return made;
}
const quiet = () => new Promise((resolve) => setImmediate(resolve));
async function until(condition) {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 10_000, "it never came");
    await quiet();
  }
}

test("the catalogs that devices left at seeds are offered, and what is wrong is passed over", async (t) => {
  const bad = fromHex(vector.bad[0].record);
  const made = following(t, [unavailable("away"), pack("nothing"), pack([bad, record])]);
  made.heads.look();
  await until(() => made.offered.length === 1);
  assert.equal(made.asked, 3);
  const [{ snapshot, kept }] = made.offered;
  assert.equal(toHex(snapshot.root), toHex(body.snapshot[0]));
  assert.equal(kept, true);
});

test("a seed is asked once for each connection, and again as long as there is no catalog", async (t) => {
  t.mock.method(performance, "now", () => now_ms);
  let now_ms = 0;
  const pass = (wait_ms) => {
    now_ms += wait_ms;
    t.mock.timers.tick(wait_ms);
  };
  const made = following(t, [pack([])]);
  made.heads.look();
  made.heads.look();
  await quiet();
  assert.equal(made.asked, 1);
  pass(15_000);
  assert.equal(made.asked, 2);
  made.library = {};
  made.heads.look();
  pass(599_000);
  assert.equal(made.asked, 2);
  pass(1_000);
  assert.equal(made.asked, 3);
  made.seeds = [];
  pass(10_000_000);
  assert.equal(made.asked, 3);
});
