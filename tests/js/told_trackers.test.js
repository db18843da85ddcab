import assert from "node:assert/strict";
import { test } from "node:test";

import { afterTold } from "../../client/core/told_trackers.js";

const here = { secure: true, members: new Set(["pc", "laptop"]) };
const [ONE, TWO, THREE] = ["one", "two", "three"].map((name) => `wss://${name}.example`);
const paired = { trackers: [`${ONE}/`], told: {} };
const said = (known, by, ...trackers) => afterTold(known, { by, said: trackers }, here) ?? known;

test("a tracker that a computer was given is gone to, and one that no computer has any more is left", () => {
  let known = said(paired, "pc", ONE, TWO);
  assert.deepEqual(known, { trackers: [`${ONE}/`, TWO], told: { pc: [ONE, TWO] } });
  assert.equal(afterTold(known, { by: "pc", said: [ONE, `${TWO}/`] }, here), null);
  known = said(known, "laptop", TWO, THREE);
  assert.deepEqual(known.trackers, [`${ONE}/`, TWO, THREE]);
  known = said(known, "pc", THREE);
  assert.deepEqual(known.trackers, [TWO, THREE]);
});

test("the last place to meet is never left, nor one that was named on the phone alone", () => {
  const alone = said({ trackers: [ONE], told: { pc: [ONE] } }, "pc");
  assert.deepEqual(alone, { trackers: [ONE], told: { pc: [] } });
  const typed = said({ trackers: [ONE, TWO], told: { pc: [ONE] } }, "pc", THREE);
  assert.deepEqual(typed.trackers, [TWO, THREE]);
});

test("a tracker that the person removed on the phone stays removed until the computer was elsewhere", () => {
  const removed = { trackers: [ONE], told: { pc: [ONE, TWO] } };
  assert.deepEqual(said(removed, "pc", ONE, TWO, THREE).trackers, [ONE, THREE]);
  assert.deepEqual(said(said(removed, "pc", ONE), "pc", ONE, TWO).trackers, [ONE, TWO]);
});

test("what is no address, or not for this page, is passed over, and only members that rule are believed", () => {
  const odd = ["https://a.example", "ws://a.example", 5, "wss://me:secret@a.example", "wss://a.example/#invite=x", null, TWO];
  assert.deepEqual(afterTold(paired, { by: "pc", said: odd }, here)?.trackers, [`${ONE}/`, TWO]);
  assert.equal(afterTold(paired, { by: "player", said: [TWO] }, here), null);
  for (const other of [undefined, "wss://a.example", { 0: TWO }]) assert.equal(afterTold(paired, { by: "pc", said: other }, here), null);
});

test("seeds keep their places, however many trackers a computer says, and the word of who is gone ends", () => {
  const many = Array.from({ length: 20 }, (_, at) => `wss://many${at}.example`);
  assert.equal(said(paired, "pc", ...many).trackers.length, 6);
  const known = said({ trackers: [ONE, TWO], told: { gone: [ONE, TWO], pc: [ONE, TWO] } }, "pc", ONE);
  assert.deepEqual(known, { trackers: [ONE], told: { pc: [ONE] } });
});
