// "For you": every song has its reason, and the reason is true.

import assert from "node:assert/strict";
import { test } from "node:test";

import { forYou, mostPlayed, rediscover, similar } from "../../client/core/for_you.js";

const NOW_MS = 1_790_000_000_000;
const DAY_MS = 86_400_000;

const song = (id, about = {}) => ({
  id, title: `Song ${id}`, artists: [{ id: `artist-${id}`, name: `Artist ${id}` }], album: null, genres: [], year: null,
  plays: 0, played_ms: null, starred_ms: null, state: { playable: true }, ...about,
});
const known = (tracks, playlists = []) => ({ tracks, playlists, now_ms: NOW_MS });
const titles = ({ picks }) => picks.map(({ track }) => track.id);

test("most played are counted, the most first, and one play is no habit", () => {
  const group = mostPlayed(known([song("a", { plays: 1 }), song("b", { plays: 2 }), song("c", { plays: 9 })]));
  assert.deepEqual(titles(group), ["c", "b"]);
  assert.deepEqual(group.picks.map(({ why }) => why), ["Played 9 times", "Played twice"]);
});

test("rediscovered is what was loved and is silent, not what plays every day or was heard once", () => {
  const old_ms = NOW_MS - 100 * DAY_MS;
  const group = rediscover(known([
    song("loved", { plays: 5, played_ms: old_ms }),
    song("starred", { plays: 1, played_ms: old_ms, starred_ms: 1 }),
    song("once", { plays: 1, played_ms: old_ms }),
    song("daily", { plays: 50, played_ms: NOW_MS - DAY_MS }),
    song("never"),
  ]));
  assert.deepEqual(titles(group), ["loved", "starred"]);
  assert.equal(group.picks[0].why, "You played it 5 times, but not for 3 months");
  assert.equal(group.picks[1].why, "You gave it a star, but not for 3 months");
});

test("similar songs say what they have in common, and those with nothing in common are left out", () => {
  const artist = [{ id: "x", name: "The X" }];
  const seed = song("seed", { artists: artist, genres: ["Jazz", "Bop"], played_ms: NOW_MS - 10 * DAY_MS, plays: 4 });
  const picks = similar(seed, known(
    [
      seed,
      song("artist", { artists: artist }),
      song("genre", { genres: ["Bop", "Jazz"] }),
      song("sitting", { played_ms: NOW_MS - 10 * DAY_MS + 60_000, plays: 1 }),
      song("listed"),
      song("nothing", { genres: ["Polka"] }),
    ],
    [["seed", "listed"]],
  ));
  const why = Object.fromEntries(picks.map(({ track, why: reason }) => [track.id, reason]));
  assert.deepEqual(why, {
    sitting: "Heard in one sitting",
    artist: "Also by The X",
    listed: "On one playlist with it",
    genre: "Bop too",
  });
  assert.equal(picks[0].track.id, "sitting");
});

test("a mix is not filled by one artist, nor by what was heard yesterday, nor by what can't be played", () => {
  const artist = [{ id: "x", name: "The X" }];
  const seed = song("seed", { artists: artist, genres: ["Jazz"] });
  const same = Array.from({ length: 12 }, (_, i) => song(`same${i}`, { artists: artist }));
  const picks = similar(seed, known([
    ...same,
    song("yesterday", { genres: ["Jazz"], plays: 7, played_ms: NOW_MS - DAY_MS }),
    song("away", { genres: ["Jazz"], state: { playable: false } }),
    song("fine", { genres: ["Jazz"] }),
  ]));
  assert.equal(picks.filter(({ track }) => track.id.startsWith("same")).length, 5);
  assert.deepEqual(picks.map(({ track }) => track.id).filter((id) => !id.startsWith("same")), ["fine"]);
});

test("mixes are around different artists of the last weeks, and a library never played gives nothing", () => {
  const jazz = Array.from({ length: 8 }, (_, i) => song(`j${i}`, { genres: ["Jazz"] }));
  const rock = Array.from({ length: 8 }, (_, i) => song(`r${i}`, { genres: ["Rock"] }));
  const lately = { plays: 6, played_ms: NOW_MS - 5 * DAY_MS };
  const miles = [{ id: "m", name: "Miles" }];
  const groups = forYou(known([
    song("one", { ...lately, genres: ["Jazz"], artists: miles }), song("two", { ...lately, plays: 5, genres: ["Jazz"], artists: miles }),
    song("three", { ...lately, plays: 4, genres: ["Rock"] }), ...jazz, ...rock,
  ]));
  assert.deepEqual(groups.map(({ title }) => title), ["Miles mix", "Artist three mix", "Most played"]);
  assert.ok(groups.every(({ picks }) => picks.every(({ why }) => why.length > 3)));
  assert.deepEqual(forYou(known([...jazz, ...rock])), []);
});

test("ten thousand songs are thought over in less than a blink", () => {
  const many = Array.from({ length: 10_000 }, (_, i) =>
    song(String(i), { genres: [`g${i % 40}`], plays: i % 7, played_ms: i % 7 ? NOW_MS - (i % 400) * DAY_MS : null }));
  const begun = performance.now();
  assert.ok(forYou(known(many)).length >= 3);
  assert.ok(performance.now() - begun < 2_000);
});
