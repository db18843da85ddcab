import assert from "node:assert/strict";
import { test } from "node:test";

import { Player } from "../../client/core/player.js";
import { Settings } from "../../client/core/settings.js";
import { seeded, SilentDeck, track, tracks } from "./player_fixtures.js";

const SOURCE = { streamUrl: (id, rendition) => `song:${id}?${rendition}` };

function build(settings = {}, source = SOURCE) {
  const deck = new SilentDeck();
  const player = new Player({ source, deck, settings: new Settings(settings, () => {}), random: seeded(4) });
  const told = [];
  player.told.on((text) => told.push(text));
  return { deck, player, told };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("the next song is loaded behind the one that plays, and takes over when that ends", () => {
  const { deck, player } = build();
  player.playAll(tracks(3));
  assert.equal(deck.loaded.url, "song:0?auto");
  assert.equal(deck.prepared.url, "song:1?auto");
  deck.runOut();
  assert.equal(player.current.track.id, "1");
  assert.equal(deck.prepared.url, "song:2?auto");
});

test("what is loaded ahead follows every change of the queue", () => {
  const { deck, player } = build();
  player.playAll(tracks(3));
  player.playNext([track("x")]);
  assert.equal(deck.prepared.url, "song:x?auto");
  player.remove(player.queue.entries[1].key);
  assert.equal(deck.prepared.url, "song:1?auto");
  player.setRepeat("one");
  assert.equal(deck.prepared.url, "song:0?auto");
  player.setRepeat("off");
  player.clear();
  assert.equal(deck.prepared, null);
});

test("at the end the player stands silent at the beginning", () => {
  const { deck, player } = build();
  player.playAll(tracks(2), 1);
  deck.runOut();
  assert.equal(player.current.track.id, "0");
  assert.equal(player.playing, false);
});

test("a song that fails is told and skipped", () => {
  const { deck, player, told } = build();
  player.playAll(tracks(3));
  deck.fail();
  assert.equal(player.current.track.id, "1");
  assert.equal(player.playing, true);
  assert.match(told[0], /Song 0.*Skipped/);
});

test("the reason that the source knows is told with a song that fails", async () => {
  const why = "no device that is here has this song; Home PC is asleep since 23:10";
  const { deck, player, told } = build({}, { ...SOURCE, whyNot: async () => why });
  player.playAll(tracks(2));
  deck.fail();
  await settle();
  assert.deepEqual(told, [`“Song 0” can’t be played: ${why}. Skipped.`]);
});

test("an original that the browser cannot decode is asked for again as the mobile rendition, once", () => {
  const { deck, player, told } = build();
  player.playAll(tracks(2));
  deck.fail({ unsupported: true });
  assert.equal(deck.loaded.url, "song:0?mobile");
  assert.deepEqual(told, []);
  deck.fail({ unsupported: true });
  assert.equal(player.current.track.id, "1");
});

test("a codec that the browser does not know is asked for as the mobile rendition at once", () => {
  const { deck, player } = build({ rendition: "original" });
  deck.canPlay = (mime) => !mime.includes("alac");
  player.playAll([track("a", { codec: "alac" }), track("b", { codec: "wmav2" }), track("c", { codec: "flac" })]);
  assert.equal(deck.loaded.url, "song:a?mobile");
  player.next();
  assert.equal(deck.loaded.url, "song:b?mobile");
  player.next();
  assert.equal(deck.loaded.url, "song:c?original");
});

test("when everything fails the player stops instead of racing through the queue", () => {
  const { deck, player, told } = build();
  player.playAll(tracks(50));
  let failures = 0;
  while (deck.loaded && failures < 50) {
    deck.fail();
    failures++;
  }
  assert.ok(failures < 10, `${failures} failures`);
  assert.equal(player.playing, false);
  assert.match(told.at(-1), /stopped/);
  player.play();
  assert.equal(player.playing, true);
});

test("failures far apart are no reason to stop", () => {
  const { deck, player } = build();
  player.playAll(tracks(40));
  for (let i = 0; i < 15; i++) {
    deck.fail();
    deck.sounds();
    deck.runOut();
  }
  assert.equal(player.playing, true);
});

test("a song that is away is passed over with its reason, and a single one on repeat does not loop", () => {
  const away = { state: { playable: false, source: "away", sealed: false, mobile: false, note: "its drive is away" } };
  const { deck, player, told } = build();
  player.playAll([track("gone", away), track("here")]);
  assert.equal(deck.loaded.url, "song:here?auto");
  assert.match(told[0], /its drive is away/);
  player.setRepeat("one");
  player.playAll([track("gone", away)]);
  assert.equal(player.playing, false);
});

test("a song that was on no device when the list was made is asked for, and only its source says that it can't be had", async () => {
  const gone = { state: { playable: false, source: "missing", sealed: true, mobile: false, note: "Home PC was away" } };
  const why = "Home PC is asleep since 23:10, which has this song";
  const { deck, player, told } = build({}, { ...SOURCE, whyNot: async () => why });
  player.playAll([track("elsewhere", gone)]);
  assert.equal(deck.loaded.url, "song:elsewhere?auto");
  assert.deepEqual(told, []);
  deck.fail();
  await settle();
  assert.deepEqual(told, [`“Song elsewhere” can’t be played: ${why}.`]);
});

test("back restarts a song that is under way and leads to the one before otherwise", () => {
  const { deck, player } = build();
  player.playAll(tracks(3), 1);
  deck.position_ms = 60_000;
  player.previous();
  assert.equal(player.current.track.id, "1");
  assert.equal(deck.position_ms, 0);
  player.previous();
  assert.equal(player.current.track.id, "0");
});

test("skipping while paused stays paused", () => {
  const { player } = build();
  player.playAll(tracks(3));
  player.pause();
  player.next();
  assert.equal(player.current.track.id, "1");
  assert.equal(player.playing, false);
});

test("the queue and the place in it come back, silent, and go on where they were", () => {
  const one = build();
  one.player.playAll(tracks(400), 200);
  one.deck.position_ms = 42_000;
  const kept = JSON.parse(JSON.stringify(one.player.kept()));
  assert.ok(kept.queue.entries.length <= 300);

  const two = build();
  two.player.restore(kept);
  assert.equal(two.player.current.track.id, "200");
  assert.equal(two.player.position_ms, 42_000);
  assert.equal(two.deck.loaded, null);
  two.player.play();
  assert.equal(two.deck.loaded.url, "song:200?auto");
  assert.equal(two.deck.position_ms, 42_000);
  two.deck.runOut();
  assert.equal(two.player.current.track.id, "201");
});

test("a queue that can go on is topped up before it runs out", async () => {
  const { deck, player } = build();
  let asked = 0;
  player.playAll(tracks(10), 0, {
    refill: async () => {
      asked++;
      return asked === 1 ? [track("more")] : [];
    },
  });
  assert.equal(asked, 0);
  for (let i = 0; i < 5; i++) deck.runOut();
  await settle();
  assert.equal(player.queue.entries.at(-1).track.id, "more");
  for (let i = 0; i < 4; i++) deck.runOut();
  await settle();
  assert.equal(asked, 2);
});

test("volume and loudness changes reach the deck without a reload", () => {
  const { deck, player } = build();
  const seen = [];
  deck.setVolume = (volume, muted) => seen.push([volume, muted]);
  deck.setGains = (gainOf) => seen.push(gainOf(player.current.key));
  player.playAll([track("a", { replaygain: { track_gain_db: -20, track_peak: 1, album_gain_db: null, album_peak: null } })]);
  player.setVolume(0.5);
  player.settings.set("muted", true);
  player.settings.set("loudness", "off");
  assert.deepEqual(seen, [[0.5, false], [0.5, true], 1]);
});

/** The original of a song comes at `rate` times the speed at which it plays. */
function playAt(rate, { ms, rendition = "original", rest = {} }) {
  let now_ms = 0;
  const deck = new SilentDeck();
  const settings = new Settings({ rendition, ...rest }, () => {});
  const player = new Player({ source: SOURCE, deck, settings, random: seeded(4), clock: () => now_ms });
  player.playAll(tracks(2));
  deck.buffered_ms = 2_000;
  deck.sounds();
  for (; now_ms < ms; now_ms += 250) {
    deck.position_ms = Math.min(now_ms, deck.buffered_ms);
    deck.buffered_ms += 250 * rate;
    deck.waiting = deck.position_ms >= deck.buffered_ms;
    deck.told.emit({ kind: "time" });
    if (deck.exchanged) break;
  }
  return { deck, player, at_ms: now_ms };
}

test("an original that outruns the path goes on as the small rendition before it is silent", () => {
  const { deck, at_ms } = playAt(0.5, { ms: 30_000 });
  assert.equal(deck.exchanged?.url, "song:0?mobile");
  assert.equal(deck.waiting, false, "it had fallen silent");
  assert.ok(at_ms < 4_000);
  assert.equal(deck.prepared.url, "song:1?original", "the next song gets its own chance");
});

test("an original that keeps up stays what it is, and so does one that is nearly here whole", () => {
  assert.equal(playAt(1.2, { ms: 30_000 }).deck.exchanged, undefined);
  assert.equal(playAt(0.97, { ms: 30_000 }).deck.exchanged, undefined);
});

test("what the source chose by itself is not exchanged, nor a song that is small already", () => {
  assert.equal(playAt(0.5, { ms: 10_000, rendition: "auto" }).deck.exchanged, undefined);
  assert.equal(playAt(0.5, { ms: 10_000, rendition: "mobile" }).deck.exchanged, undefined);
});

test("an original of which nothing comes any more is asked for as the small rendition", () => {
  const { deck, player } = build({ rendition: "original" });
  player.playAll(tracks(2));
  deck.position_ms = 61_000;
  deck.fail();
  assert.equal(deck.loaded.url, "song:0?mobile");
  assert.equal(deck.position_ms, 61_000, "it goes on where it was");
  deck.fail();
  assert.equal(player.current.track.id, "1");
});
