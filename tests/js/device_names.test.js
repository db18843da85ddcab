// Who may say what a device is called.

import assert from "node:assert/strict";
import { test } from "node:test";

import { toBase32 } from "../../client/core/bytes.js";
import { swarmDevices } from "../../client/io/swarm_devices.js";

const OWN = new Uint8Array(32).fill(1);
const OTHER = toBase32(new Uint8Array(32).fill(2));

for (const [role, may] of /** @type {const} */ ([["player", false], ["owner", true]])) {
  test(`a phone that is ${role} renames ${may ? "any device" : "only itself"}`, async () => {
    /** @type {any[]} */
    const written = [];
    const members = new Map([[toBase32(OWN), { role }], [OTHER, { role: "owner" }]]);
    const devices = swarmDevices(/** @type {any} */ ({ write: (/** @type {any} */ ops) => written.push(ops), membership: { id: OWN, roster: { members } } }));
    await devices.rename(toBase32(OWN), "Mine");
    assert.deepEqual(written, [[["device", toBase32(OWN), "name", "Mine"]]]);
    const renaming = devices.rename(OTHER, "Theirs");
    await (may ? renaming : assert.rejects(renaming, /only itself/));
    assert.equal(written.length, may ? 2 : 1);
  });
}
