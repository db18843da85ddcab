// What a browser can play of a song, and what a computer is asked to make for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pack } from "../../client/core/msgpack.js";

/** A browser that plays only these. @type {string[]} */
let plays = [];
globalThis.document = { createElement: () => ({ canPlayType: (mime) => (plays.some((each) => mime.includes(each)) ? "probably" : "") }) };

let number = 0;
/** Fresh modules, for each remembers what the browser said. @param {string[]} browser */
async function on(...browser) {
  plays = browser;
  return import(`../../client/io/playable.js?${number++}`);
}

const rendition = (mime) => ({ blob: {}, stream: { codec: "", mime, duration_ms: 0, bitrate_bps: 0 } });
const FLAC = rendition("audio/flac");
const OPUS = rendition("audio/webm; codecs=opus");
const AAC = rendition('audio/mp4; codecs="mp4a.40.2"');

test("a browser that plays everything takes the small copy in Opus, also where there is one in AAC", async () => {
  const { playableOf } = await on("flac", "opus", "mp4a");
  assert.deepEqual(playableOf({ originals: [FLAC], mobile: OPUS, mobile_aac: AAC }), { original: FLAC, mobile: OPUS, makeable: "" });
  assert.equal(playableOf({ originals: [FLAC], mobile: null, mobile_aac: null }).makeable, "opus");
  assert.deepEqual(playableOf({ originals: [FLAC], mobile: null, mobile_aac: AAC }), { original: FLAC, mobile: AAC, makeable: "" });
});

test("a browser without Opus takes the one in AAC, and asks for it where there is none", async () => {
  const { playableOf } = await on("mp4a");
  assert.deepEqual(playableOf({ originals: [FLAC], mobile: OPUS, mobile_aac: AAC }), { original: null, mobile: AAC, makeable: "" });
  assert.deepEqual(playableOf({ originals: [FLAC], mobile: OPUS, mobile_aac: null }), { original: null, mobile: null, makeable: "aac" });
});

test("for a browser that plays neither nothing is made", async () => {
  const { playableOf, smallCodec } = await on("flac");
  assert.equal(smallCodec(), "");
  assert.deepEqual(playableOf({ originals: [FLAC], mobile: OPUS, mobile_aac: AAC }), { original: FLAC, mobile: null, makeable: "" });
});

const bytes = (length) => new Uint8Array(length);
const packed = (mime) => pack([[bytes(32), bytes(32), bytes(32), 1, bytes(32)], ["aac", mime, 1, 48_000, 2, 96_000, null]]);

test("a copy is asked for once, and one that doesn't play here counts as none", async () => {
  plays = ["mp4a"];
  const { renderedBy } = await import("../../client/io/swarm_rendered.js");
  const asked = [];
  let mime = AAC.stream.mime;
  const swarm = { ask: async (kind, body) => (asked.push([kind, body]), packed(mime)) };
  const rendered = renderedBy(swarm);
  const [one, two] = await Promise.all([rendered("song", "aac"), rendered("song", "aac")]);
  assert.equal(one.stream.mime, AAC.stream.mime);
  assert.equal(two, one);
  assert.deepEqual(asked, [["render", { track: "song", codec: "aac" }]]);
  mime = OPUS.stream.mime;
  assert.equal(await rendered("other", "aac"), null, "a computer with an older Songkeep gave Opus");
  assert.equal(await rendered("third", ""), null);
  assert.equal(asked.length, 2);
});
