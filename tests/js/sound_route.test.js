// Which way the sound goes out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { throughGraph } from "../../client/core/sound_route.js";

test("an app on an iPhone's home screen sends its sound through the graph", () => {
  assert.equal(throughGraph({ standalone: true, graph: true }), true);
});

test("the same page in Safari, and every other system, keeps the sound at its element", () => {
  assert.equal(throughGraph({ standalone: false, graph: true }), false);
  assert.equal(throughGraph({ standalone: undefined, graph: true }), false);
});

test("without an AudioContext the sound stays at its element", () => {
  assert.equal(throughGraph({ standalone: true, graph: false }), false);
});
