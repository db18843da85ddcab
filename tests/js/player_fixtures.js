// Tracks, a deck without sound and numbers that only look random, for the player's suites.

import { Emitter } from "../../client/core/emitter.js";

/** Numbers in [0, 1) from a seed: Park and Miller's generator. */
export function seeded(seed) {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

export const track = (id, more = {}) => ({
  id: String(id),
  title: `Song ${id}`,
  artists: [],
  album: null,
  album_artists: [],
  track_no: null,
  disc_no: null,
  year: null,
  genres: [],
  duration_ms: 180_000,
  cover: null,
  added_ms: 0,
  replaygain: null,
  codec: "mp3",
  bitrate_bps: 0,
  size_bytes: 0,
  state: { playable: true, source: "present", sealed: true, mobile: true, note: "" },
  ...more,
});

export const tracks = (count) => Array.from({ length: count }, (_, i) => track(i));

/** What io/audio.js does, without elements: a test says when tracks end or fail. */
export class SilentDeck {
  told = new Emitter();
  loaded = null;
  prepared = null;
  wanted = false;
  waiting = false;
  position_ms = 0;
  duration_ms = 180_000;
  buffered_ms = 0;
  canPlay = () => true;

  load(load, { play, from_ms = 0 }) {
    this.loaded = load;
    this.prepared = null;
    this.wanted = play;
    this.waiting = play;
    this.position_ms = from_ms;
    this.told.emit({ kind: "state" });
  }
  prepare(load) {
    this.prepared = load;
  }
  exchange(load) {
    this.loaded = load;
    this.exchanged = load;
  }
  clear() {
    this.loaded = this.prepared = null;
    this.wanted = false;
    this.told.emit({ kind: "state" });
  }
  play() {
    this.wanted = true;
    this.told.emit({ kind: "state" });
  }
  pause() {
    this.wanted = false;
    this.told.emit({ kind: "state" });
  }
  seek(position_ms) {
    this.position_ms = position_ms;
  }
  setVolume() {}
  setGains() {}

  /** Sound comes. */
  sounds() {
    this.waiting = false;
    this.told.emit({ kind: "state" });
  }
  /** The current track runs out; a prepared one begins by itself. */
  runOut() {
    const old = this.loaded;
    if (this.prepared) {
      this.loaded = this.prepared;
      this.prepared = null;
      this.position_ms = 0;
      this.told.emit({ kind: "advanced", key: this.loaded.key });
    } else {
      this.wanted = false;
      this.told.emit({ kind: "ended", key: old.key });
    }
  }
  fail({ unsupported = false } = {}) {
    const { key } = this.loaded;
    const { position_ms } = this;
    this.loaded = null;
    this.told.emit({ kind: "failed", key, unsupported, position_ms });
  }
}
