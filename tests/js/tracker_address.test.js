import assert from "node:assert/strict";
import { test } from "node:test";

import { trackerAddress } from "../../client/core/tracker_address.js";

const page = { secure: true };

test("an address is made whole", () => {
  for (const typed of ["tracker.example.org", " wss://tracker.example.org/ ", "https://tracker.example.org"])
    assert.equal(trackerAddress(typed, page), "wss://tracker.example.org");
  assert.equal(trackerAddress("pi.example:7665/room/", page), "wss://pi.example:7665/room");
  assert.equal(trackerAddress("ws://10.0.0.2:7665", { secure: false }), "ws://10.0.0.2:7665");
});

test("what is no tracker's address is refused", () => {
  for (const typed of ["", "   ", "ftp://example.org", "wss://me:secret@example.org", "wss://example.org/?a", "wss://example.org/#a", "two words", `wss://${"a".repeat(600)}`])
    assert.throws(() => trackerAddress(typed, page), /is not a tracker’s address/);
  assert.throws(() => trackerAddress("ws://example.org", page), /wss:/);
});
