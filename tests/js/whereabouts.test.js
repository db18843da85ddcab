// The picture of where the music lives: where everything stands, and what is said of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  PICTURE_WIDTH,
  freedText,
  incoming,
  layOut,
  moving,
  outgoing,
  parts,
  progress,
  readSize,
  sent,
  shares,
  shortName,
  standing,
  summary,
  unasked,
} from "../../client/core/whereabouts.js";

/** @param {string} name @param {object} [more] */
const device = (name, more = {}) => ({
  id: name,
  name,
  kind: "device",
  this: false,
  present: true,
  asleep: false,
  seen_ms: null,
  reached: "lan",
  budget_bytes: 0,
  used_bytes: 0,
  originals: 0,
  from_files: 0,
  small: 0,
  trusted: true,
  ...more,
});

/** @param {object} [more] */
const copies = (more = {}) => ({
  copies: 2,
  paused: false,
  budget_bytes: 0,
  devices: [device("PC", { this: true }), device("Laptop")],
  songs: [{ copies: 2, songs: 10 }],
  at_risk: { songs: 0, reasons: [], examples: [] },
  queue: { blobs: 0, bytes: 0, left_s: null, from: [] },
  transfers: [],
  download: { rate_bytes_per_s: 0, limit_bytes_per_s: 0 },
  upload: { rate_bytes_per_s: 0, limit_bytes_per_s: 0, total_bytes: 0, to: [] },
  uploads: [],
  wishes: [],
  removed: { blobs: 0, unseen: [] },
  trouble: "",
  ...more,
});

test("no two devices stand in one place and all are inside the picture", () => {
  for (let others = 0; others <= 11; others++) {
    const devices = [device("here", { this: true }), ...Array.from({ length: others }, (_, at) => device(`d${at}`))];
    const { height, places } = layOut(devices);
    assert.equal(places.length, devices.length);
    assert.equal(new Set(places.map(({ x, y }) => `${x} ${y}`)).size, devices.length);
    for (const { x, y } of places) {
      assert.ok(x > 30 && x < PICTURE_WIDTH - 30);
      assert.ok(y > 30 && y < height - 50);
    }
    const lowest = places.reduce((one, other) => (one.y > other.y ? one : other));
    assert.ok(lowest.device.this, "this device stands below the others");
  }
});

test("the summary says how many songs lack copies", () => {
  assert.equal(summary(copies()), "10 songs on 2 devices. Each has 2 copies or more.");
  const risky = { songs: [{ copies: 1, songs: 1 }, { copies: 2, songs: 9 }], at_risk: { songs: 1, reasons: [], examples: [] } };
  assert.equal(summary(copies(risky)), "10 songs on 2 devices. 1 song has fewer than 2 copies.");
  const none = { songs: [{ copies: 1, songs: 4 }], at_risk: { songs: 4, reasons: [], examples: [] } };
  assert.equal(summary(copies(none)), "4 songs on 2 devices. None has its 2 copies yet.");
  assert.equal(summary(copies({ songs: [] })), "Nothing is in your library yet.");
});

test("songs with many copies are one part of the bar", () => {
  const found = parts(copies({ songs: [{ copies: 0, songs: 1 }, { copies: 1, songs: 2 }, { copies: 4, songs: 3 }, { copies: 9, songs: 4 }] }));
  assert.deepEqual(found.map(({ copies: at, songs, risky }) => [at, songs, risky]), [[0, 1, true], [1, 2, true], [4, 7, false]]);
});

test("a device that is asleep, away or not believed is named so", () => {
  assert.equal(standing(device("a", { present: false, asleep: true })), "asleep");
  assert.equal(standing(device("a", { present: false })), "away");
  assert.match(standing(device("a", { present: false, asleep: true, seen_ms: Date.now() - 60_000 })), /^asleep since .*\d\d:\d\d/);
  assert.match(standing(device("a", { present: false, seen_ms: 1_750_000_000_000 })), /^away since .*15|16/);
  assert.equal(standing(device("a", { reached: "webrtc" })), "through routers");
  assert.equal(standing(device("a", { trusted: false })), "not believed");
  assert.equal(standing(device("a", { reached: "relay" })), "by a relay");
  assert.equal(standing(device("a", { reached: null })), "here");
});

test("shares are of all songs, and of none in an empty library", () => {
  assert.deepEqual(shares(device("a", { originals: 2, from_files: 1, small: 1 }), 4), { sealed: 0.5, files: 0.25, small: 0.25 });
  assert.deepEqual(shares(device("a"), 0), { sealed: 0, files: 0, small: 0 });
});

test("what moves is said with its rate and the time that is left", () => {
  const queue = { blobs: 12, bytes: 480e6, left_s: 120, from: [] };
  const download = { rate_bytes_per_s: 4e6, limit_bytes_per_s: 0 };
  assert.equal(moving(copies({ queue, download })), "12 sealed files, 480 MB, come to this device at 4.0 MB/s, about 2 min left.");
  assert.match(moving(copies({ queue, paused: true })), /paused/);
  assert.equal(moving(copies()), "Nothing has to be copied to this device.");
});

test("what stays is said with its reason", () => {
  const kept = [{ reason: "only 1 of 2 other devices have proved to hold it sealed", blobs: 3 }];
  assert.equal(freedText({ freed_blobs: 0, freed_bytes: 0, kept }), "Nothing could be freed. 3 stay: only 1 of 2 other devices have proved to hold it sealed.");
  assert.equal(freedText({ freed_blobs: 2, freed_bytes: 5e6, kept: [] }), "5.0 MB freed.");
});

test("amounts are read as people write them", () => {
  assert.equal(readSize("5 GB"), 5e9);
  assert.equal(readSize("500mb"), 500e6);
  assert.equal(readSize("2,5 g"), 2.5e9);
  assert.equal(readSize("1000"), 1000);
  for (const wrong of ["", "much", "-5 GB", "0", "5 XB", "1e9"]) assert.equal(readSize(wrong), null);
});

test("long names are cut between characters", () => {
  assert.equal(shortName("Laptop"), "Laptop");
  assert.equal([...shortName("🎵".repeat(40))].length, 16);
});

test("what comes from a device, and each song, has its rate and the time left; neither while nothing passes", () => {
  const from = { from: "NAS", blobs: 90, bytes: 2.2e9, rate_bytes_per_s: 6.1e6, left_s: 361 };
  assert.equal(incoming(from), "90 sealed files, 2.2 GB at 6.1 MB/s, about 6 min left");
  assert.equal(incoming({ ...from, blobs: 1, rate_bytes_per_s: 0, left_s: null }), "1 sealed file, 2.2 GB");
  const song = { from: "NAS", kind: "original", title: "Glass", done_bytes: 18e6, total_bytes: 31e6, rate_bytes_per_s: 640e3, left_s: 20 };
  assert.equal(progress(song), "18.0 MB of 31.0 MB at 640 KB/s, 20 s left");
  assert.equal(progress({ ...song, rate_bytes_per_s: 0, left_s: null }), "18.0 MB of 31.0 MB");
});

test("what goes to a device, and each song, has its rate; a file of unknown size only what has gone", () => {
  const to = { to: "NAS", rate_bytes_per_s: 310e3, total_bytes: 40e6 };
  assert.equal(outgoing(to), "40.0 MB at 310 KB/s");
  assert.equal(outgoing({ ...to, rate_bytes_per_s: 0 }), "40.0 MB");
  const song = { to: "NAS", kind: "mobile", title: "Glass", sent_bytes: 600e3, total_bytes: 1.5e6, rate_bytes_per_s: 310e3 };
  assert.equal(sent(song), "600 KB of 1.5 MB at 310 KB/s");
  assert.equal(sent({ ...song, total_bytes: null }), "600 KB at 310 KB/s");
});

test("removed music that nobody can be asked about is told with the devices it waits for, and what to do", () => {
  assert.equal(unasked(copies()), "");
  assert.equal(unasked(copies({ removed: { blobs: 3, unseen: [] } })), "", "somebody was here of late");
  const said = unasked(copies({ removed: { blobs: 3, unseen: [{ name: "Old desktop", seen_ms: 1_750_000_000_000 }, { name: "Attic", seen_ms: null }] } }));
  assert.match(said, /^3 sealed files of music .* stay: first Old desktop \(last seen .*\) and Attic \(never seen\) would/);
  assert.match(said, /revoke it under Devices, .* songkeep free --removed$/);
});
