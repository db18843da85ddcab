import { Emitter } from "./emitter.js";

/**
 * @typedef {object} Choices
 * @property {"auto" | "dark" | "light"} theme
 * @property {import("./model.js").Rendition} rendition
 * @property {import("./replaygain.js").Loudness} loudness
 * @property {number} volume  0 to 1
 * @property {boolean} muted
 * @property {"albums" | "artists" | "songs" | "genres" | "playlists" | "starred"} shelf  where the library was last open
 * @property {boolean} for_you  whether anything is worked out from what was played
 * @property {string} songs_sort
 * @property {string} albums_sort
 */

/** @type {Choices} */
export const DEFAULTS = {
  theme: "auto",
  rendition: "auto",
  loudness: "track",
  volume: 1,
  muted: false,
  shelf: "albums",
  for_you: true,
  songs_sort: "title",
  albums_sort: "artist",
};

/** What the person chose on this device. */
export class Settings {
  /** @type {Emitter<keyof Choices>} */
  changed = new Emitter();
  /** @type {Choices} */
  #now;
  /** @type {(choices: Choices) => void} */
  #keep;

  /**
   * @param {unknown} kept  what an earlier visit kept; fields of the wrong type fall back
   * @param {(choices: Choices) => void} keep
   */
  constructor(kept, keep) {
    const old = /** @type {Record<string, unknown>} */ (kept && typeof kept === "object" ? kept : {});
    const valid = Object.entries(DEFAULTS).map(([name, value]) => [
      name,
      typeof old[name] === typeof value ? old[name] : value,
    ]);
    this.#now = Object.fromEntries(valid);
    this.#keep = keep;
  }

  /**
   * @template {keyof Choices} K
   * @param {K} name
   * @returns {Choices[K]}
   */
  get(name) {
    return this.#now[name];
  }

  /**
   * @template {keyof Choices} K
   * @param {K} name
   * @param {Choices[K]} value
   */
  set(name, value) {
    if (this.#now[name] === value) return;
    this.#now = { ...this.#now, [name]: value };
    this.#keep(this.#now);
    this.changed.emit(name);
  }
}
