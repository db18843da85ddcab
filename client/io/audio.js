// Two <audio> elements that take turns: one plays while the other has the next track loaded and waiting, so that the change
// costs as little silence as a browser allows. At any moment one of them is the voice; the other is paused, or running out
// its last few milliseconds.

import { Emitter } from "../core/emitter.js";
import { SoundGraph } from "./sound_graph.js";

/**
 * @typedef {object} Load
 * @property {number} key  whose events these are
 * @property {string} url
 * @property {number} gain  factor on the volume, in (0, 1]
 */

/**
 * @typedef {{kind: "state"} | {kind: "time"} | {kind: "blocked"}
 *   | {kind: "advanced", key: number} | {kind: "ended", key: number}
 *   | {kind: "failed", key: number, unsupported: boolean, position_ms: number}} DeckEvent
 *   advanced: the prepared track began by itself; ended: the last one ran out and none was prepared;
 *   blocked: the browser wants a gesture of the person first.
 */

/** From here on before the end, a timer takes over from the browser's coarse time updates. */
const NEAR_END_MS = 1500;
/** The previous element may run out this long after the next one has begun. */
const OVERLAP_LIMIT_MS = 400;
/** How far ahead of the end the next track is told to play: what starting took so far, within these bounds. */
const LEAD_FIRST_MS = 30;
const LEAD_LONGEST_MS = 150;
/** Without a byte for so long while sound is due, the track counts as failed. */
const STALL_TIMEOUT_MS = 20_000;
/** Silence is told again after so long, for whoever may know another source of the song. */
const SILENCE_MS = 1_300;

class Voice {
  /** @type {Load | null} */
  load = null;
  /** When it was told to play, to learn how long that takes. */
  told_ms = 0;

  constructor() {
    this.element = new Audio();
    this.element.preload = "auto";
  }

  /** @param {Load} load */
  take(load) {
    this.load = load;
    this.element.src = load.url;
  }

  /** Silent, and nothing more is fetched. */
  drop() {
    this.load = null;
    this.element.pause();
    if (this.element.hasAttribute("src")) {
      this.element.removeAttribute("src");
      this.element.load();
    }
  }
}

export class Deck {
  /** @type {Emitter<DeckEvent>} */
  told = new Emitter();

  #voice = new Voice();
  #spare = new Voice();
  #graph = new SoundGraph([this.#voice.element, this.#spare.element]);
  #wanted = false;
  #volume = 1;
  #muted = false;
  #lead_ms = LEAD_FIRST_MS;
  #handOver = 0;
  #stall = 0;
  #silence = 0;
  /** A change of source under way, and what is to be prepared after it. @type {{load: Load, then: Load | null} | null} */
  #exchange = null;
  #farewell = 0;

  constructor() {
    for (const voice of [this.#voice, this.#spare]) this.#listen(voice);
  }

  /** The person wants sound, whether or not it has come yet. */
  get wanted() {
    return this.#wanted;
  }

  /** Sound is due and not coming yet. */
  get waiting() {
    return (
      this.#wanted && this.#voice.element.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && !this.#voice.element.ended
    );
  }

  get position_ms() {
    return this.#voice.element.currentTime * 1000;
  }

  /** NaN while unknown. */
  get duration_ms() {
    return this.#voice.element.duration * 1000;
  }

  /** How far the current track is in memory from where it plays. */
  get buffered_ms() {
    const { buffered, currentTime } = this.#voice.element;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime + 0.1 && currentTime <= buffered.end(i)) return buffered.end(i) * 1000;
    }
    return 0;
  }

  /** Key of what is loaded ahead, or null. */
  get prepared() {
    return this.#spare.load?.key ?? null;
  }

  /** @param {string} mime */
  canPlay = (mime) => this.#voice.element.canPlayType(mime) !== "";

  /** To be called once during a gesture: iOS lets only elements that were loaded in one play on their own later. */
  unlock() {
    this.#graph.wake();
    for (const voice of [this.#voice, this.#spare]) if (!voice.load) voice.element.load();
  }

  /**
   * @param {Load} load
   * @param {{play: boolean, from_ms?: number}} how
   */
  load(load, { play, from_ms = 0 }) {
    this.#exchange = null;
    this.#spare.drop();
    this.#voice.drop();
    this.#voice.take(load);
    if (from_ms > 0) this.#seekWhenReady(this.#voice, from_ms);
    this.#applyVolume();
    this.#wanted = play;
    if (play) this.#start(this.#voice);
    this.told.emit({ kind: "state" });
  }

  /** Load what comes next behind the current track; null: nothing does. @param {Load | null} load */
  prepare(load) {
    if (this.#exchange) {
      this.#exchange.then = load;
      return;
    }
    if (load?.key === this.#spare.load?.key && load?.url === this.#spare.load?.url) return;
    this.#spare.drop();
    if (!load || !this.#voice.load) return;
    this.#spare.take(load);
    this.#applyVolume();
    this.#scheduleHandOver();
  }

  /**
   * Go on with the same song from another source, which takes over where the voice is by then; until it can, the voice plays on.
   * What is prepared meanwhile waits for that.
   * @param {Load} load
   */
  exchange(load) {
    const old = this.#voice;
    if (!old.load) return;
    this.#spare.drop();
    const next = this.#spare;
    next.take(load);
    this.#applyVolume();
    this.#exchange = { load, then: null };
    const { element } = next;
    const place = () => (element.currentTime = old.element.currentTime + this.#lead_ms / 1000);
    const over = new AbortController();
    element.addEventListener("loadedmetadata", place, { once: true, signal: over.signal });
    let placed = false;
    const takeOver = () => {
      if (this.#exchange?.load !== load) return over.abort();
      // The voice went on meanwhile: once more to where it is now, which is in memory.
      if (!placed && (placed = Math.abs(element.currentTime - old.element.currentTime) > 0.25)) return void place();
      over.abort();
      const { then } = this.#exchange;
      this.#exchange = null;
      this.#voice = next;
      this.#spare = old;
      old.drop();
      if (this.#wanted) this.#start(next);
      this.told.emit({ kind: "state" });
      return this.prepare(then);
    };
    element.addEventListener("canplay", takeOver, { signal: over.signal });
  }

  /** Nothing is loaded any more. */
  clear() {
    this.#exchange = null;
    this.#wanted = false;
    this.#spare.drop();
    this.#voice.drop();
    this.told.emit({ kind: "state" });
  }

  play() {
    if (!this.#voice.load) return;
    this.#wanted = true;
    this.#start(this.#voice);
  }

  pause() {
    this.#wanted = false;
    this.#voice.element.pause();
    this.#spare.element.pause();
    this.told.emit({ kind: "state" });
  }

  /** @param {number} position_ms */
  seek(position_ms) {
    const voice = this.#voice;
    if (!voice.load) return;
    const end_ms = Number.isFinite(this.duration_ms) ? this.duration_ms : position_ms;
    const target_ms = Math.max(0, Math.min(position_ms, end_ms));
    if (voice.element.readyState >= HTMLMediaElement.HAVE_METADATA) voice.element.currentTime = target_ms / 1000;
    else this.#seekWhenReady(voice, target_ms);
    this.#scheduleHandOver();
    this.told.emit({ kind: "time" });
  }

  /**
   * @param {number} volume  0 to 1
   * @param {boolean} muted
   */
  setVolume(volume, muted) {
    this.#volume = volume;
    this.#muted = muted;
    this.#applyVolume();
  }

  /** Change the loudness of what plays and what is prepared. @param {(key: number) => number} gainOf */
  setGains(gainOf) {
    for (const voice of [this.#voice, this.#spare])
      if (voice.load) voice.load = { ...voice.load, gain: gainOf(voice.load.key) };
    this.#applyVolume();
  }

  #applyVolume() {
    for (const { element, load } of [this.#voice, this.#spare]) {
      // Squared: equal steps of the slider sound equal.
      element.volume = Math.max(0, Math.min(1, this.#volume ** 2 * (load?.gain ?? 1)));
      element.muted = this.#muted;
    }
  }

  /**
   * @param {Voice} voice
   * @param {number} from_ms
   */
  #seekWhenReady(voice, from_ms) {
    const { load } = voice;
    const seek = () => {
      if (voice.load === load) voice.element.currentTime = from_ms / 1000;
    };
    voice.element.addEventListener("loadedmetadata", seek, { once: true });
  }

  /** @param {Voice} voice */
  #start(voice) {
    const { load } = voice;
    voice.told_ms = performance.now();
    this.#watchForStall();
    this.#graph.wake();
    voice.element.play().catch((/** @type {DOMException} */ error) => {
      if (voice !== this.#voice || voice.load !== load || error.name !== "NotAllowedError") return;
      this.#wanted = false;
      this.told.emit({ kind: "blocked" });
      this.told.emit({ kind: "state" });
    });
  }

  /** @param {Voice} voice */
  #listen(voice) {
    const { element } = voice;
    /** @param {string} name @param {() => void} then */
    const whenCurrent = (name, then) =>
      element.addEventListener(name, () => {
        if (voice === this.#voice && voice.load) then();
      });
    element.addEventListener("play", () => {
      // A media key or the browser's own controls may wake either element: only the voice may sound.
      if (voice !== this.#voice) element.pause();
    });
    element.addEventListener("error", () => this.#failed(voice, element.error?.code));
    element.addEventListener("playing", () => {
      if (voice === this.#voice && voice.told_ms) this.#learnLead(performance.now() - voice.told_ms);
      voice.told_ms = 0;
    });
    for (const name of ["playing", "pause", "waiting", "canplay"]) {
      whenCurrent(name, () => {
        this.#watchForStall();
        this.#scheduleHandOver();
        this.told.emit({ kind: "state" });
      });
    }
    whenCurrent("pause", () => {
      // Headphones pulled out, a call, another app: the browser paused it, and that is the person's wish now.
      if (this.#wanted && element.paused && !element.ended && element.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA)
        this.#wanted = false;
    });
    for (const name of ["timeupdate", "durationchange", "progress", "seeked"]) {
      whenCurrent(name, () => {
        if (name !== "progress") this.#scheduleHandOver();
        this.told.emit({ kind: "time" });
      });
    }
    whenCurrent("progress", () => this.#watchForStall());
    whenCurrent("ended", () => this.#advance());
  }

  /** @param {number} took_ms */
  #learnLead(took_ms) {
    if (took_ms < LEAD_LONGEST_MS) this.#lead_ms = this.#lead_ms * 0.6 + took_ms * 0.4;
  }

  /** Near the end, set the moment at which the prepared track begins. */
  #scheduleHandOver() {
    clearTimeout(this.#handOver);
    const { element } = this.#voice;
    const left_ms = (element.duration - element.currentTime) * 1000;
    if (this.#exchange || !this.#spare.load || element.paused || !(left_ms < NEAR_END_MS)) return;
    const { load } = this.#voice;
    this.#handOver = setTimeout(
      () => {
        if (this.#voice.load === load && !element.paused && !element.seeking) this.#advance();
      },
      Math.max(0, left_ms - this.#lead_ms),
    );
  }

  /** The current track is over: the spare becomes the voice, or it was the last. */
  #advance() {
    clearTimeout(this.#handOver);
    const old = this.#voice;
    const next = this.#exchange ? null : this.#spare.load;
    if (!next) {
      this.#wanted = false;
      if (old.load) this.told.emit({ kind: "ended", key: old.load.key });
      this.told.emit({ kind: "state" });
      return;
    }
    this.#voice = this.#spare;
    this.#spare = old;
    old.load = null;
    this.#start(this.#voice);
    clearTimeout(this.#farewell);
    this.#farewell = setTimeout(() => {
      if (old !== this.#voice && !old.load) old.drop();
    }, OVERLAP_LIMIT_MS);
    this.told.emit({ kind: "advanced", key: next.key });
    this.told.emit({ kind: "state" });
  }

  /**
   * @param {Voice} voice
   * @param {number | undefined} code  a MediaError's; undefined when it took too long
   */
  #failed(voice, code) {
    const { load } = voice;
    if (!load) return;
    // A track loaded ahead is tried once more when its turn comes, and told then.
    if (voice !== this.#voice) {
      if (this.#exchange?.load === load) this.#exchange = null;
      return voice.drop();
    }
    clearTimeout(this.#stall);
    const { position_ms } = this;
    voice.drop();
    const unsupported = code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED || code === MediaError.MEDIA_ERR_DECODE;
    this.told.emit({ kind: "failed", key: load.key, unsupported, position_ms });
  }

  #watchForStall() {
    clearTimeout(this.#stall);
    if (!this.waiting) {
      clearTimeout(this.#silence);
      this.#silence = 0;
      return;
    }
    // Bytes that come one by one end no silence.
    this.#silence ||= setTimeout(() => {
      this.#silence = 0;
      this.told.emit({ kind: "state" });
    }, SILENCE_MS);
    const voice = this.#voice;
    const { load } = voice;
    this.#stall = setTimeout(() => {
      if (voice === this.#voice && voice.load === load && this.waiting) this.#failed(voice, undefined);
    }, STALL_TIMEOUT_MS);
  }
}
