import assert from "node:assert/strict";
import { test } from "node:test";

import { isNearby } from "../../client/core/nearby.js";

test("an address of this network is near, the world's is not, and a translated one never", () => {
  for (const near of ["192.168.1.7", "10.213.77.2", "172.31.0.1", "127.0.0.1", "169.254.3.4", "fd00::7", "fe80::1", "::1", "5b1c.local", ""]) {
    assert.equal(isNearby("host", near), true, near);
    assert.equal(isNearby("srflx", near), false, near);
  }
  for (const far of ["203.0.113.9", "172.32.0.1", "100.64.0.1", "2001:db8::1", "11.0.0.1"]) assert.equal(isNearby("host", far), false, far);
  assert.equal(isNearby(undefined, ""), false);
});
