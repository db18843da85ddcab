// The player: the queue, a deck that sounds, and the rules between them.

import { Emitter } from "./emitter.js";
import { Outrun } from "./outrun.js";
import { Refilling } from "./refilling.js";
import { renditionFor } from "./rendition.js";
import { volumeFactor } from "./replaygain.js";
import * as q from "./queue.js";

/** @import {Track} from "./model.js" */
/** @import {Source} from "./source.js" */
/** @import {Settings} from "./settings.js" */
/** @import {Refill} from "./refilling.js" */
/** @import {Deck, DeckEvent, Load} from "../io/audio.js" */

/**
 * @typedef {"queue" | "track" | "state" | "time"} PlayerChange
 *   queue: what comes or the modes; track: another entry is current; state: playing, waiting, volume; time: position.
 */

/** Going back within this much of a track leads to the previous one, later to its beginning. */
const RESTART_AFTER_MS = 4000;
/** So many tracks failing in a row is not the tracks' fault. */
const FAILURES_IN_A_ROW = 4;
/** Entries kept for the next visit, around the current one. */
const KEPT_BEFORE = 50;
const KEPT_AFTER = 250;

/** @typedef {{queue: q.Queue, position_ms: number}} Kept */

export class Player {
  /** @type {Emitter<PlayerChange>} */
  changed = new Emitter();
  /** Sentences for the person. @type {Emitter<string>} */
  told = new Emitter();

  /** @type {q.Queue} */
  #queue = q.EMPTY;
  #refilling = new Refilling((tracks) => this.#rearrange(q.playLast(this.#queue, tracks)));
  #failures = 0;
  /** Entry that fell back to the mobile rendition. */
  #fellBack = -1;
  /** Where a restored track goes on, until it is loaded. */
  #resume_ms = 0;
  #loaded = false;
  /** Of what was loaded to play. */
  #url = "";
  #outrun = new Outrun();

  /**
   * @param {{source: Source, deck: Deck, settings: Settings, random: q.Random, clock?: () => number}} parts  `clock`: in ms
   */
  constructor({ source, deck, settings, random, clock = () => performance.now() }) {
    this.clock = clock;
    this.source = source;
    this.deck = deck;
    this.settings = settings;
    this.random = random;
    deck.told.on((event) => this.#deckTold(event));
    settings.changed.on((name) => this.#settingChanged(name));
    deck.setVolume(settings.get("volume"), settings.get("muted"));
  }

  get queue() {
    return this.#queue;
  }

  /** @returns {q.Entry | null} */
  get current() {
    return q.current(this.#queue);
  }

  get playing() {
    return this.deck.wanted;
  }

  get waiting() {
    return this.deck.waiting;
  }

  get position_ms() {
    return this.#loaded ? this.deck.position_ms : this.#resume_ms;
  }

  /** What the file says, or the library until it does. */
  get duration_ms() {
    const real = this.#loaded ? this.deck.duration_ms : NaN;
    return Number.isFinite(real) && real > 0 ? real : (this.current?.track.duration_ms ?? 0);
  }

  get buffered_ms() {
    return this.#loaded ? this.deck.buffered_ms : 0;
  }

  /**
   * Play these from `start` on, instead of what was there.
   * @param {readonly Track[]} tracks
   * @param {number} [start]
   * @param {{shuffle?: boolean, refill?: Refill}} [how]
   */
  playAll(tracks, start = 0, { shuffle, refill } = {}) {
    if (!tracks.length) return;
    const base = shuffle === undefined ? this.#queue : { ...this.#queue, shuffle };
    const from = shuffle ? Math.floor(this.random() * tracks.length) : start;
    this.#refilling.begin(refill ?? null);
    this.#failures = 0;
    this.#goTo(q.playAll(base, tracks, from, this.random), true);
  }

  /** @param {readonly Track[]} tracks */
  playNext(tracks) {
    this.#add(q.playNext(this.#queue, tracks));
  }

  /** @param {readonly Track[]} tracks */
  playLast(tracks) {
    this.#add(q.playLast(this.#queue, tracks));
  }

  toggle() {
    if (this.playing) this.deck.pause();
    else this.play();
  }

  play() {
    if (!this.current) return;
    this.#failures = 0;
    if (this.#loaded) this.deck.play();
    else this.#load(true, this.#resume_ms);
  }

  pause() {
    this.deck.pause();
  }

  next() {
    const next = q.next(this.#queue, false, this.random);
    if (next) this.#goTo(next, this.playing);
  }

  previous() {
    const back = this.position_ms > RESTART_AFTER_MS ? null : q.previous(this.#queue);
    if (back) this.#goTo(back, this.playing);
    else this.seek(0);
  }

  /** @param {number} key */
  jumpTo(key) {
    if (key === this.current?.key) return this.play();
    this.#failures = 0;
    this.#goTo(q.jumpTo(this.#queue, key), true);
  }

  /** @param {number} position_ms */
  seek(position_ms) {
    if (this.#loaded) return this.deck.seek(position_ms);
    this.#resume_ms = Math.max(0, Math.min(position_ms, this.duration_ms));
    this.changed.emit("time");
  }

  /** @param {number} by_ms */
  skip(by_ms) {
    if (this.current) this.seek(this.position_ms + by_ms);
  }

  /** @param {number} key */
  remove(key) {
    const wasCurrent = key === this.current?.key;
    const queue = q.remove(this.#queue, key);
    if (!wasCurrent) return this.#rearrange(queue);
    if (queue.entries.length) return this.#goTo(queue, this.playing);
    this.#stop(queue);
  }

  /** @param {number} key @param {number} to */
  move(key, to) {
    this.#rearrange(q.move(this.#queue, key, to));
  }

  clear() {
    this.#refilling.begin(null);
    this.#rearrange(q.clear(this.#queue));
  }

  /** Silence, and nothing in the queue. */
  empty() {
    this.#refilling.begin(null);
    this.#stop({ ...this.#queue, entries: [], natural: [], at: -1 });
  }

  /** @param {boolean} on */
  setShuffle(on) {
    this.#rearrange(q.withShuffle(this.#queue, on, this.random));
  }

  /** @param {q.Repeat} repeat */
  setRepeat(repeat) {
    this.#rearrange(q.withRepeat(this.#queue, repeat));
  }

  /** @param {number} volume  0 to 1 */
  setVolume(volume) {
    this.settings.set("muted", false);
    this.settings.set("volume", Math.max(0, Math.min(1, volume)));
  }

  /** What to keep for the next visit; null when there is nothing. @returns {Kept | null} */
  kept() {
    const queue = q.around(this.#queue, KEPT_BEFORE, KEPT_AFTER);
    return queue.at < 0 ? null : { queue, position_ms: this.position_ms };
  }

  /** Take up, paused, what `kept` gave. @param {Kept} kept */
  restore({ queue, position_ms }) {
    this.#queue = queue;
    this.#resume_ms = position_ms;
    this.#loaded = false;
    this.changed.emit("queue");
    this.changed.emit("track");
  }

  /** @param {q.Queue} queue */
  #add(queue) {
    const idle = !this.current;
    if (idle) this.#goTo(queue, true);
    else this.#rearrange(queue);
  }

  /** @param {q.Queue} queue  with the same current entry */
  #rearrange(queue) {
    this.#queue = queue;
    this.#prepareNext();
    this.changed.emit("queue");
  }

  /** @param {q.Queue} queue @param {boolean} play */
  #goTo(queue, play) {
    this.#queue = queue;
    this.#load(play, 0);
    this.changed.emit("queue");
    this.changed.emit("track");
  }

  /** @param {q.Queue} queue */
  #stop(queue) {
    this.#queue = queue;
    this.#loaded = false;
    this.#resume_ms = 0;
    this.deck.clear();
    this.changed.emit("queue");
    this.changed.emit("track");
  }

  /**
   * @param {q.Entry} entry
   * @returns {Load}
   */
  #loadOf(entry) {
    const { key, track } = entry;
    const url = this.source.streamUrl(track.id, this.#renditionOf(entry));
    return { key, url, gain: volumeFactor(track.replaygain, this.settings.get("loudness")) };
  }

  /** @param {q.Entry} entry */
  #renditionOf({ key, track }) {
    return this.#fellBack === key ? "mobile" : renditionFor(track, this.settings.get("rendition"), this.deck.canPlay);
  }

  /** @param {boolean} play @param {number} from_ms */
  #load(play, from_ms) {
    const entry = this.current;
    if (!entry) return;
    this.#resume_ms = 0;
    const { playable, source } = entry.track.state;
    // What isn't on this device another may have brought since the list was made: that the source says itself.
    if (!playable && source !== "missing")
      return this.#giveUp(entry, entry.track.state.note || "it is not reachable now", play);
    this.#loaded = true;
    this.#outrun.begin();
    const load = this.#loadOf(entry);
    this.#url = load.url;
    this.deck.load(load, { play, from_ms });
    this.#prepareNext();
  }

  #prepareNext() {
    this.#refilling.topUp(this.#queue.entries.length - this.#queue.at);
    if (!this.#loaded) return;
    const entry = q.following(this.#queue);
    this.deck.prepare(entry?.track.state.playable ? this.#loadOf(entry) : null);
  }

  /** @param {DeckEvent} event */
  #deckTold(event) {
    if (event.kind === "time" || event.kind === "state") this.#watchPace();
    if (event.kind === "time") return this.changed.emit("time");
    if (event.kind === "state") {
      if (this.playing && !this.waiting) this.#failures = 0;
      return this.changed.emit("state");
    }
    if (event.kind === "blocked") return this.told.emit("Press play to start the music.");
    if (event.key !== this.current?.key && event.kind !== "advanced") return;
    if (event.kind === "failed") return this.#trackFailed(event.unsupported, event.position_ms);
    const next = q.next(this.#queue, true, this.random);
    if (event.kind === "advanced" && next && q.current(next)?.key === event.key) {
      this.#queue = next;
      this.#url = "";
      this.#outrun.begin();
      this.#prepareNext();
      this.changed.emit("queue");
      this.changed.emit("track");
    } else if (next) this.#goTo(next, true);
    else this.#finished();
  }

  /** An original that comes more slowly than it plays goes on as the small rendition, before it falls silent. */
  #watchPace() {
    const entry = this.current;
    if (!entry || !this.#loaded || !this.playing || this.#fellBack === entry.key) return this.#outrun.begin();
    const asked = this.#renditionOf(entry);
    const { position_ms, buffered_ms, duration_ms, waiting } = this;
    if (asked === "mobile" || asked === "auto" || !this.#outrun.at({ now_ms: this.clock(), position_ms, buffered_ms, duration_ms, waiting })) return;
    this.#fellBack = entry.key;
    const load = this.#loadOf(entry);
    if (load.url !== this.#url) this.deck.exchange(load);
    this.#prepareNext();
  }

  /** The queue has run out: stand at its beginning, silent, ready to be played again. */
  #finished() {
    const first = this.#queue.entries[0];
    if (!first) return;
    this.#goTo(q.jumpTo(this.#queue, first.key), false);
  }

  /**
   * @param {boolean} unsupported
   * @param {number} position_ms  how far it had come
   */
  #trackFailed(unsupported, position_ms) {
    const entry = this.current;
    if (!entry) return;
    const { key } = entry;
    const asked = this.#renditionOf(entry);
    if (asked !== "mobile" && (unsupported || asked !== "auto")) {
      this.#fellBack = key;
      return this.#load(true, position_ms);
    }
    if (this.source.whyNot) void this.#giveUpSaying(entry, asked);
    else this.#giveUp(entry, "it could not be loaded", true);
  }

  /**
   * Give up on what plays, with the reason that the source knows.
   * @param {q.Entry} entry
   * @param {import("./model.js").Rendition} asked
   */
  async #giveUpSaying(entry, asked) {
    const why = await this.source.whyNot?.(entry.track.id, asked).catch(() => "");
    if (this.current?.key === entry.key) this.#giveUp(entry, why || "it could not be loaded", true);
  }

  /**
   * Tell why, and go on with the next one unless everything fails.
   * @param {q.Entry} entry
   * @param {string} why
   * @param {boolean} play
   */
  #giveUp({ track }, why, play) {
    this.#failures++;
    const next = play
      ? q.next({ ...this.#queue, repeat: this.#queue.repeat === "one" ? "off" : this.#queue.repeat }, true, this.random)
      : null;
    this.#loaded = false;
    if (!next || this.#failures >= FAILURES_IN_A_ROW) {
      this.deck.clear();
      this.told.emit(
        this.#failures >= FAILURES_IN_A_ROW
          ? `Several songs in a row could not be played: ${why}. Playback has stopped.`
          : `“${track.title}” can’t be played: ${why}.`,
      );
      return;
    }
    this.told.emit(`“${track.title}” can’t be played: ${why}. Skipped.`);
    const { repeat } = this.#queue;
    this.#goTo({ ...next, repeat }, true);
  }

  /** @param {keyof import("./settings.js").Choices} name */
  #settingChanged(name) {
    if (name === "volume" || name === "muted") {
      this.deck.setVolume(this.settings.get("volume"), this.settings.get("muted"));
      this.changed.emit("state");
    } else if (name === "loudness") {
      const tracks = new Map(this.#queue.entries.map((entry) => [entry.key, entry.track]));
      this.deck.setGains((key) => volumeFactor(tracks.get(key)?.replaygain ?? null, this.settings.get("loudness")));
    } else if (name === "rendition") this.#prepareNext();
  }
}
