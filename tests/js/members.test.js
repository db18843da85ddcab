import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toBase32, toHex } from "../../client/core/bytes.js";
import { EpochKeys } from "../../client/core/crypto_keys.js";
import { Attendance } from "../../client/core/attendance.js";
import { nextCounter, openMessage, sealToMember, sealToRoom } from "../../client/core/envelope.js";
import { pack, unpack } from "../../client/core/msgpack.js";
import { pairAsNewcomer, pairRoom, readInvitation, scannedInvitation } from "../../client/core/pairing.js";
import { extendRoster, readRoster } from "../../client/core/roster_reading.js";
import { faultOf, memberKeys, vectors, x25519Pair } from "./vectors.js";

const rosters = vectors("roster");
const messages = vectors("messages");
const pairing = vectors("pairing");
const entriesOf = (hexes) => hexes.map(fromHex);

test("a roster says what Python reads in it", async () => {
  const phone = await memberKeys(rosters.keys.phone);
  for (const { guards, entries, state, epochs_of_phone } of rosters.good) {
    const roster = await readRoster(entriesOf(entries));
    assert.equal(toHex(roster.library), state.library, guards);
    assert.equal(toHex(roster.head), state.head, guards);
    assert.equal(roster.epoch, state.epoch, guards);
    const members = [...roster.members.values()].map(({ sign, role, revoked_seq, addresses }) => ({
      id: toHex(sign), role, active: revoked_seq === null, addresses: [...addresses],
    }));
    assert.deepEqual(members, state.members, guards);
    const epochs = await roster.epochsFor(phone);
    assert.deepEqual([...epochs.keys()].map(String), Object.keys(epochs_of_phone), guards);
    for (const [number, secret] of Object.entries(epochs_of_phone)) {
      assert.deepEqual(await epochs.get(Number(number)).roomName(), await new EpochKeys(0, fromHex(secret)).roomName());
    }
  }
});

test("a roster that is broken is refused for the reason that Python gives", async () => {
  assert.ok(rosters.bad.length >= 10);
  for (const { guards, entries, error } of rosters.bad) assert.equal(await faultOf(() => readRoster(entriesOf(entries))), error, guards);
});

test("an older roster, or another library's, is refused", async () => {
  for (const { guards, known, offered, error } of rosters.extend) {
    const roster = await readRoster(entriesOf(known));
    assert.equal(await faultOf(() => extendRoster(roster, entriesOf(offered))), error, guards);
  }
  const longest = rosters.good.at(-1);
  const short = await readRoster(entriesOf(longest.entries.slice(0, 2)));
  assert.equal((await extendRoster(short, entriesOf(longest.entries))).epoch, 2);
});

/** All that every implementation must agree on. @param {import("../../client/core/roster.js").Roster} roster */
const stateOf = (roster) => ({
  library: toHex(roster.library),
  head: toHex(roster.head),
  seq: roster.state.seq,
  epoch: roster.epoch,
  next_epoch: roster.state.next_epoch,
  digest: toHex(roster.digest),
  members: [...roster.members.values()].map(({ sign, role, revoked_seq, addresses }) => ({ id: toHex(sign), role, active: revoked_seq === null, addresses: [...addresses] })),
  seniority: roster.active().map(({ sign }) => toHex(sign)),
  lost: roster.state.lost,
  unsettled: roster.state.unsettled.map(toHex),
  void: roster.state.void_entries,
});

test("rosters that forked come to what Python makes of them, whoever hears of whom", async () => {
  assert.ok(rosters.forks.length >= 20);
  for (const { guards, known, offered, state } of rosters.forks) {
    let joined = await readRoster(entriesOf(known));
    for (const entries of offered) joined = await extended(joined, entriesOf(entries));
    assert.deepEqual(stateOf(joined), state, guards);
    assert.deepEqual(stateOf(await readRoster(joined.entries)), state, guards);
    if (guards.includes("write a past")) continue; // there alone the order counts
    let backwards = await readRoster(entriesOf(offered.at(-1) ?? known));
    for (const entries of [...offered.slice(0, -1).reverse(), known]) backwards = await extended(backwards, entriesOf(entries));
    assert.equal(stateOf(backwards).digest, state.digest, guards);
    assert.deepEqual({ ...stateOf(backwards), members: [] }, { ...state, members: [] }, guards);
  }
});

/** With what is news in a whole roster, if anything is. */
const extended = (roster, entries) =>
  extendRoster(roster, entries).catch((error) => {
    if (!/older/.test(error.message)) throw error;
    return roster;
  });

const readerOf = async ({ reader, roster, epochs }) => ({
  keys: await memberKeys(reader),
  roster: await readRoster(entriesOf(roster)),
  epochs: new Map(Object.entries(epochs).map(([number, secret]) => [Number(number), new EpochKeys(Number(number), fromHex(secret))])),
});

test("messages that Python sealed are read", async () => {
  for (const each of messages.good) {
    const { sender, body, ...said } = await openMessage(fromHex(each.message), await readerOf(each));
    assert.equal(toHex(sender), each.sender);
    assert.deepEqual(said, { counter: each.counter, time_ms: each.time_ms, kind: each.kind, to_room: each.to_room });
    assert.deepEqual(body, unpack(fromHex(each.body_msgpack), { max_bytes: 65_536 }));
  }
});

test("messages that must not be read are refused for the reason that Python gives", async () => {
  for (const each of messages.bad) {
    const reader = await readerOf(each);
    assert.equal(await faultOf(() => openMessage(fromHex(each.message), reader)), each.error, each.guards);
  }
});

test("what is sealed here opens here, and in no other hands", async () => {
  const each = messages.good[0];
  const reader = await readerOf(each);
  const { keys, roster, epochs } = reader;
  const said = { kind: "bye", body: null, counter: nextCounter(0, 5), time_ms: 5 };
  const room = await sealToRoom(keys, { epoch: epochs.get(1), library: roster.library, nonce: new Uint8Array(12) }, said);
  assert.equal((await openMessage(room, reader)).kind, "bye");
  const self = await sealToMember(keys, { sign: keys.id, receive: keys.receivePublic, library: roster.library }, said);
  assert.equal((await openMessage(self, reader)).to_room, false);
  const founder = roster.active("owner")[0];
  const other = await sealToMember(keys, { sign: founder.sign, receive: founder.receive, library: roster.library }, said);
  assert.equal(await faultOf(() => openMessage(other, reader)), "refused");
});

test("counters rise with the clock, and without it", () => {
  assert.equal(nextCounter(7, 0.003), 8);
  assert.equal(nextCounter(7, 1), 1000);
});

test("who is present is believed by an answer to a value of this stay, once", async () => {
  const fresh = (fill) => new Uint8Array(16).fill(fill);
  const presence = (counter, echo) => ({ sender: new Uint8Array(32), counter, time_ms: 1, kind: "presence", body: { fresh: fresh(3), echo }, to_room: true });
  const here = new Attendance(fresh(1));
  here.check(1, presence(5, null));
  assert.deepEqual(here.presence(1, presence(5, null)), { proved: false, answer: fresh(3) });
  assert.equal(await faultOf(() => here.check(1, presence(5, null))), "refused");
  here.check(1, presence(6, fresh(2)));
  assert.equal(here.presence(1, presence(6, fresh(2))).proved, false);
  here.check(1, presence(7, fresh(1)));
  assert.deepEqual(here.presence(1, presence(7, fresh(1))), { proved: true, answer: null });
  here.left(1);
  assert.equal(await faultOf(() => here.check(2, presence(7, fresh(1)))), "refused");
  const next = new Attendance(fresh(2));
  next.check(1, presence(7, fresh(1)));
  assert.equal(next.presence(1, presence(7, fresh(1))).proved, false);
  assert.equal(await faultOf(() => next.check(1, { ...presence(8, null), body: { fresh: new Uint8Array(3) } })), "peer");
});

/** Plays Python's side of the vectors; `said` collects what the newcomer sends. */
function oldSide(frames) {
  const said = [];
  const waiting = [...frames];
  return {
    said,
    pipe: {
      send: (frame) => said.push(toHex(frame)),
      receive: async () => {
        if (!waiting.length) throw new Error("the other side left");
        return fromHex(waiting.shift());
      },
    },
  };
}

const newcomer = async (events = []) => ({
  code: fromHex(pairing.code),
  keys: await memberKeys(pairing.signed.keys),
  name: "Phone",
  digits: pairing.digits,
  showCheckCode: () => events.push("shown"),
  matched: () => events.push("matched"),
  keep: async () => events.push("kept"),
  chance: {
    pair: await x25519Pair(pairing.new.secret, pairing.new.public),
    salt: fromHex(pairing.new.salt),
    salts: pairing.salts.N.map(fromHex),
  },
});

const ofSide = (side) => pairing.sealed.filter((step) => step.from === side).map((step) => step.frame);

test("pairing says, frame by frame, what Python's newcomer says", async () => {
  const { pipe, said } = oldSide([pairing.frames.old_commit, pairing.frames.old_reveal, ...ofSide("O")]);
  const events = [];
  await assert.rejects(pairAsNewcomer(pipe, await newcomer(events)), /the other side left/);
  assert.deepEqual(said, [pairing.frames.new_commit, pairing.frames.new_reveal, ...ofSide("N")]);
  assert.deepEqual(events, ["shown", "matched"]);
});

test("pairing ends when the check code differs, before a second digit is told", async () => {
  const { pipe, said } = oldSide([pairing.frames.old_commit, pairing.frames.old_reveal, ...ofSide("O")]);
  const fault = await faultOf(async () => pairAsNewcomer(pipe, { ...(await newcomer()), digits: "940917" }));
  assert.equal(fault, "refused");
  // commit, reveal, hello, and a `no`: not one digit.
  assert.equal(said.length, 4);
});

test("pairing ends when the code is another one", async () => {
  const { pipe } = oldSide([pairing.frames.old_commit, pairing.frames.old_reveal, ...ofSide("O")]);
  const fault = await faultOf(async () => pairAsNewcomer(pipe, { ...(await newcomer()), code: new Uint8Array(10) }));
  assert.equal(fault, "refused");
});

test("pairing ends when the other side reveals another key than it committed to", async () => {
  const reveal = unpack(fromHex(pairing.frames.old_reveal), { max_bytes: 1000 });
  reveal[2][0] ^= 1;
  const { pipe } = oldSide([pairing.frames.old_commit, toHex(pack(reveal))]);
  assert.equal(await faultOf(async () => pairAsNewcomer(pipe, await newcomer())), "refused");
});

test("what a camera reads is an invitation or nothing, and leads to the server that its link names", () => {
  const here = "https://app.example/";
  const code = pairing.code_text;
  assert.equal(scannedInvitation(pairing.link, here), pairing.link.split("#pair=")[1]);
  assert.equal(scannedInvitation(`https://app.example/#pair=${code}`, here), code);
  assert.equal(readInvitation(scannedInvitation(`https://other.example/sub/#pair=${code}`, here) ?? "").tracker, "wss://other.example/sub");
  for (const other of ["", "https://app.example/", code, `javascript:#pair=${code}`, "https://app.example/#pair=aaaq", "WIFI:S:home;;"]) {
    assert.equal(scannedInvitation(other, here), null, other);
  }
});

test("an invitation is read from a link or from what was typed", async () => {
  const code = fromHex(pairing.code);
  assert.deepEqual(readInvitation(pairing.link), { code, tracker: "wss://tracker.example:8443/sub" });
  assert.deepEqual(readInvitation(pairing.code_text.toUpperCase()), { code, tracker: null });
  assert.equal(toBase32(readInvitation(" aaaq eaye auda ocaj ").code), pairing.code_text.replaceAll("-", ""));
  assert.equal(await pairRoom(code), pairing.room);
  for (const wrong of ["", "aaaq", "aaaq-eaye-auda-oca9", `${pairing.code_text}@javascript:alert(1)`]) {
    assert.equal(await faultOf(() => readInvitation(wrong)), "refused", wrong);
  }
});
