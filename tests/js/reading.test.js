// The small pure parts: addresses, numbers, colours, lyrics, loudness, event streams.

import assert from "node:assert/strict";
import { test } from "node:test";

import { daily } from "../../client/core/daily.js";
import { eventReader } from "../../client/core/event_stream.js";
import * as format from "../../client/core/format.js";
import { gradient, initials } from "../../client/core/look.js";
import { lineAt } from "../../client/core/lyrics.js";
import { volumeFactor } from "../../client/core/replaygain.js";
import { errand, href, parse } from "../../client/core/route.js";
import { Settings } from "../../client/core/settings.js";
import { step } from "../../client/views/roving.js";

test("addresses survive names with any character", () => {
  for (const id of ["a/b", "R&B / Soul", "日本語", "100%", "#?&=", "..", " "]) {
    assert.deepEqual(parse(href("genre", id)), { place: "genre", id });
  }
  assert.deepEqual(parse(href("home")), { place: "home", id: "" });
});

test("addresses that mean nothing lead home", () => {
  for (const hash of ["", "#", "#/", "#/nowhere", "#/album", "#/album/", "#/albums/x", "#/album/%E0%A4%A", "#/__proto__/x"]) {
    assert.equal(parse(hash).place, "home", hash);
  }
});

test("secrets in the fragment are told from places", () => {
  assert.deepEqual(errand("#signin=AB-cd=="), { kind: "signin", value: "AB-cd==" });
  assert.deepEqual(errand("#pair=x/y"), { kind: "pair", value: "x/y" });
  assert.equal(errand("#/search/signin=x"), null);
});

test("times and sizes read as people say them", () => {
  assert.equal(format.clock(0), "0:00");
  assert.equal(format.clock(245_999), "4:05");
  assert.equal(format.clock(3_723_000), "1:02:03");
  assert.equal(format.clock(NaN), "–:––");
  assert.equal(format.span(30_000), "1 min");
  assert.equal(format.span(18_720_000), "5 hr 12 min");
  assert.equal(format.span(7_140_000), "1 hr 59 min");
  assert.equal(format.span(7_199_000), "2 hr");
  assert.equal(format.bytes(999), "999 bytes");
  assert.equal(format.bytes(4_200_000), "4.2 MB");
  assert.equal(format.bytes(148_000_000), "148 MB");
  assert.equal(format.counted(1, "song"), "1 song");
  assert.equal(format.sentence("the disk is full"), "The disk is full.");
  assert.equal(format.sentence("Really?"), "Really?");
});

test("letters stand for names of any script", () => {
  assert.equal(initials("Low Tide Atlas"), "LA");
  assert.equal(initials("(what's the story) morning glory"), "WG");
  assert.equal(initials("東京の雨"), "東");
  assert.equal(initials("👩‍👩‍👧 family"), "F");
  assert.equal(initials("e\u0301toile"), "E\u0301");
  assert.equal(initials("…"), "");
  assert.match(gradient("x"), /^linear-gradient/);
  assert.equal(gradient("x"), gradient("x"));
  assert.notEqual(gradient("x"), gradient("y"));
});

test("the line that is sung is the last one begun", () => {
  const lines = [1000, 2000, 2000, 5000].map((time_ms) => ({ time_ms, text: "" }));
  assert.deepEqual([0, 1000, 1999, 2000, 4999, 9999].map((now_ms) => lineAt(lines, now_ms)), [-1, 0, 0, 2, 2, 3]);
  assert.equal(lineAt([], 5), -1);
});

test("loudness is evened out without clipping or amplifying", () => {
  const tags = { track_gain_db: -6, track_peak: 0.9, album_gain_db: 9, album_peak: 2 };
  assert.equal(volumeFactor(tags, "off"), 1);
  assert.ok(Math.abs(volumeFactor(tags, "track") - 0.501) < 0.001);
  assert.equal(volumeFactor(tags, "album"), 0.5);
  assert.ok(volumeFactor(null, "track") < 1);
  assert.ok(volumeFactor({ ...tags, track_gain_db: -200 }, "track") > 0);
  assert.equal(volumeFactor({ ...tags, track_gain_db: 12 }, "track"), 1);
});

test("events are read however the stream is cut", () => {
  const text = ': hi\n\nevent: changed\ndata: {"revision":7}\n\ndata: a\r\ndata: b\r\n\r\nevent: none\n\n';
  const wanted = [
    { name: "changed", data: '{"revision":7}' },
    { name: "message", data: "a\nb" },
  ];
  for (let size = 1; size < 12; size++) {
    const read = eventReader();
    const out = [];
    for (let i = 0; i < text.length; i += size) out.push(...read(text.slice(i, i + size)));
    assert.deepEqual(out, wanted, `in pieces of ${size}`);
  }
});

test("an endless line is dropped instead of filling the memory, and the stream goes on", () => {
  const read = eventReader();
  for (let i = 0; i < 3000; i++) read("x".repeat(1000));
  assert.deepEqual(read("\n\ndata: 1\n\n"), [{ name: "message", data: "1" }]);
});

test("the day's choice holds all day and differs between days", () => {
  const day_ms = 86_400_000;
  assert.deepEqual(daily(3, 1000, 5 * day_ms), daily(3, 1000, 5 * day_ms + 1000));
  assert.notDeepEqual(daily(3, 1000, 5 * day_ms), daily(3, 1000, 6 * day_ms));
  for (let day = 0; day < 400; day++) {
    const chosen = daily(3, 7.5, day * day_ms);
    assert.equal(new Set(chosen).size, 3);
    assert.ok(chosen.every((each) => Number.isInteger(each) && each >= 0 && each < 7));
  }
  assert.deepEqual(daily(3, 1, 0), [0]);
});

test("choices kept by another version fall back field by field", () => {
  const settings = new Settings({ theme: "dark", volume: "loud", unknown: 1 }, () => {});
  assert.equal(settings.get("theme"), "dark");
  assert.equal(settings.get("volume"), 1);
  assert.equal(new Settings("nonsense", () => {}).get("rendition"), "auto");
});

test("keys move inside a grid and stop at its edges", () => {
  const grid = { total: 10, columns: 4, screen: 8 };
  assert.equal(step("ArrowDown", { ...grid, at: 1 }), 5);
  assert.equal(step("j", { ...grid, at: 8 }), 9);
  assert.equal(step("ArrowRight", { ...grid, at: 9 }), null);
  assert.equal(step("ArrowLeft", { ...grid, at: 4 }), 3);
  assert.equal(step("Home", { ...grid, at: 7 }), 0);
  assert.equal(step("End", { ...grid, at: 0 }), 9);
  assert.equal(step("ArrowRight", { at: 3, total: 9, columns: 1, screen: 5 }), null);
  assert.equal(step("x", { ...grid, at: 0 }), null);
  assert.equal(step("j", { at: 0, total: 0, columns: 1, screen: 5 }), null);
});
