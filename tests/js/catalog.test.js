// The catalog's vectors: what Python merged and wrote down, read as a phone reads it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import { fromHex } from "../../client/core/bytes.js";
import { readSnapshot, rowFields } from "../../client/core/catalog_snapshot.js";
import { faultOf, vectors } from "./vectors.js";

const { merges } = vectors("catalog");

/** @param {Uint8Array} plain */
const document = (plain, version = 1) => Uint8Array.from([version, ...deflateSync(plain)]);

for (const { guards_against: guards, shown, snapshot_inflated: inflated } of merges) {
  test(`a snapshot shows what Python shows, or else: ${guards}`, async () => {
    const { rows, heads } = await readSnapshot(document(fromHex(inflated)));
    const found = rows.flatMap((row) => [...rowFields(row.raw)]);
    assert.deepEqual(Object.fromEntries(found), shown);
    assert.ok(heads.length > 0);
    assert.ok(heads.every(({ log, seq }) => log.length === 36 && seq > 0));
  });
}

test("the vectors have concurrent values, and the shown one is not the only one", () => {
  assert.ok(merges.some(({ others }) => Object.keys(others).length > 0));
});

test("a snapshot that is cut, goes on, or is of another version is refused", async () => {
  const plain = fromHex(merges[0].snapshot_inflated);
  assert.equal(await faultOf(() => readSnapshot(document(plain, 2))), "unknown_format");
  for (let end = 0; end < plain.length; end++) assert.equal(await faultOf(() => readSnapshot(document(plain.subarray(0, end)))), "peer", `cut at ${end}`);
  assert.equal(await faultOf(() => readSnapshot(document(Uint8Array.from([...plain, 0])))), "peer");
  const whole = document(plain);
  assert.equal(await faultOf(() => readSnapshot(whole.subarray(0, -3))), "peer");
});
