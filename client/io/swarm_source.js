// The Source of a phone: the library from its catalog, the music from the devices that hold it.

import { toBase32 } from "../core/bytes.js";
import { later } from "../core/later.js";
import { SourceError } from "../core/source_error.js";
import { Chunks } from "./swarm_chunks.js";
import { awayWhy, laterCovers, laterKeeping, lostNotices } from "./swarm_later.js";
import { Swarm } from "./swarm.js";
import { SwarmCatalog } from "./swarm_catalog.js";
import { openChunkStore } from "./store_chunks.js";
import { SwarmLog } from "./swarm_log.js";
import { swarmLists } from "./swarm_lists.js";
import { swarmPersonal } from "./swarm_personal.js";
import { playableOf } from "./playable.js";
import { renderedBy } from "./swarm_rendered.js";
import { serveMedia } from "./swarm_stream.js";
import { Tally } from "./swarm_tally.js";

/** @import {Rendition} from "../core/model.js" */
/** @import {Source, SourceEvent} from "../core/source.js" */
/** @import {Wish} from "./swarm_chunks.js" */
/** @import {SwarmKeeping} from "./swarm_keeping.js" */
/** @import {Membership} from "./swarm_membership.js" */
/** @import {Content} from "./swarm_stream.js" */

/** For so long nobody needs to be told that no device answers. */
const OFFLINE_AFTER_MS = 6_000;
/** Fetched whole: what plays, and what comes next. */
const PLAYING = 2;
/** After a start, the first song has the way to itself for so long. */
const QUIET_MS = 4_000;
/** What can't be had now gives way to other songs that are to stay. */
const OTHERS_AFTER_MS = 20_000;
const STREAM = /^stream\/([a-z2-7]{26})\/(auto|original|mobile)$/;
const COVER = /^cover\/([a-z2-7]{26})\/(96|256|512|1024)$/;
/** @type {(keyof NonNullable<Source["playlists"]>)[]} */
const PLAYLIST_METHODS = ["all", "get", "create", "rename", "remove", "append", "replace", "take"];
/** @type {(keyof NonNullable<Source["continuing"]>)[]} */
const CONTINUING_METHODS = ["left", "leave"];
const DEVICES_METHODS = ["list", "rooms", "rename", "addTracker", "removeTracker"];
/** @returns {Promise<never>} */
const unsupported = () => Promise.reject(new SourceError("unsupported", "That is done on the computer that keeps your music."));

/** @implements {Source} */
export class SwarmSource {
  /** @type {Source["can"]} */
  can = new Set(["sign_out", "keep", "star", "plays", "playlists", "edit_playlists", "devices"]);

  /** @type {NonNullable<Source["keeping"]>} */ keeping;
  /** @type {Source["tracks"]} */ tracks;
  /** @type {Source["track"]} */ track;
  /** @type {Source["albums"]} */ albums;
  /** @type {Source["album"]} */ album;
  /** @type {Source["artists"]} */ artists;
  /** @type {Source["artist"]} */ artist;
  /** @type {Source["genres"]} */ genres;
  /** @type {Source["search"]} */ search;
  /** @type {Source["personal"]} */ personal;
  /** @type {Source["playlists"]} */ playlists;

  /** @type {Source["continuing"]} */ continuing;
  /** @type {Source["devices"]} */ devices;

  #membership;
  #swarm;
  #chunks;
  /** What is held here; its code comes once the first page stands. @type {SwarmKeeping | null} */
  #held = null;
  /** @type {Promise<SwarmKeeping> | null} */
  #beginning = null;
  #log;
  /** @type {Promise<import("./swarm_heads.js").SeedHeads> | null} */ #seedHeads = null;
  #catalog;
  #covers;
  #store;
  /** @type {Set<(event: SourceEvent) => void>} */
  #listeners = new Set();
  /** What was asked for last to play, and next. @type {string[]} */
  #asked = [];
  /** @type {Wish[]} */
  #playing = [];
  #fetchTimer = 0;
  #tally = new Tally();
  #rendered;
  /** Why nobody can be reached, as it was told. */
  #away = "";
  #offlineTimer = 0;
  /** Ends everything that goes on by itself. */
  #life;

  /**
   * @param {Membership} membership
   * @param {Swarm} swarm
   * @param {Awaited<ReturnType<typeof openChunkStore>>} store
   * @param {AbortController} life
   */
  constructor(membership, swarm, store, life) {
    this.#life = life;
    this.#membership = membership;
    this.#swarm = swarm;
    this.#store = store;
    this.#chunks = new Chunks(() => swarm.holders.map(({ peer }) => peer), store);
    this.#log = new SwarmLog(membership, (kind, body, timeout_ms) => swarm.ask(kind, body, timeout_ms));
    this.#catalog = new SwarmCatalog(this.#chunks, this.#log);
    this.#covers = laterCovers(this.#chunks, swarm);
    this.#rendered = renderedBy(swarm);
    this.keeping = laterKeeping(() => this.#held, () => this.#holding());
    const lists = swarmLists(() => this.#shown());
    ({ tracks: this.tracks, track: this.track, albums: this.albums, album: this.album } = lists);
    ({ artists: this.artists, artist: this.artist, genres: this.genres, search: this.search } = lists);
    const parts = { catalog: () => this.#shown(), write: this.#log.write.bind(this.#log), log: () => this.#log.name() };
    this.personal = swarmPersonal(parts);
    const playlists = later(async () => (await import("./swarm_playlists.js")).swarmPlaylists(parts), PLAYLIST_METHODS);
    this.playlists = playlists;
    const continuing = later(async () => (await import("./swarm_continuing.js")).swarmContinuing({ ...parts, name: membership.name }), CONTINUING_METHODS);
    this.continuing = continuing;
    const held_bytes = () => this.keeping.held();
    const devices = later(async () => (await import("./swarm_devices.js")).swarmDevices({ ...parts, membership, swarm, held_bytes }), DEVICES_METHODS);
    this.devices = devices;
  }

  /**
   * Meet the library's devices and show its catalog; what an earlier visit kept is there at once.
   * @param {Membership} membership
   */
  static async open(membership) {
    // The way to the other devices is the longest, so it begins before this device's own disk is asked.
    const life = new AbortController();
    const swarm = new Swarm(membership, () => ({}));
    swarm.open(life.signal);
    const source = new SwarmSource(membership, swarm, await openChunkStore(), life);
    source.#follow();
    const media = serveMedia((path) => source.#find(path), source.#chunks);
    await Promise.all([source.#catalog.load().catch(() => {}), source.#tally.load().catch(() => {}), media]);
    void source.#holding();
    return source;
  }

  /** Begins, once, to hold music here: what is to stay, and the beginnings of what is likely. */
  #holding() {
    return (this.#beginning ??= this.#beginHolding());
  }

  async #beginHolding() {
    const { SwarmKeeping: Keeping } = await import("./swarm_keeping.js");
    const held = new Keeping({
      store: this.#store,
      library: () => this.#catalog.library,
      music: (id) => this.#musicAsARule(id),
      make: (id) => this.#haveMade(id),
      needed: () => new Set([this.#catalog.root, ...this.#playing.map(({ ref }) => toBase32(ref.root))]),
      forgotten: (roots) => this.#chunks.forget(roots),
      reach: () => ({ ways: this.#swarm.ways(), month_bytes: this.#tally.month() }),
    });
    await held.load().catch(() => {});
    held.wishesChanged.on(() => this.#fetchMore(), this.#life.signal);
    this.#held = held;
    for (const notice of lostNotices(this.#store.lost_kept)) this.#tell({ kind: "notice", notice });
    this.#fetchMoreSoon();
    return held;
  }

  #follow() {
    const { signal } = this.#life;
    this.#swarm.changed.on(() => this.#reachChanged(), signal);
    this.#swarm.told.on(({ presence }) => this.#catalog.offered(presence), signal);
    for (const presence of this.#swarm.presences.values()) this.#catalog.offered(presence);
    this.#membership.changed.on(() => this.#membership.revoked && this.#revoked(), signal);
    this.#catalog.changed.on(() => {
      this.#held?.catalogChanged();
      this.#fetchMoreSoon();
      this.#tell({ kind: "changed", revision: this.#catalog.revision });
    }, signal);
    this.#chunks.fulfilled.on(() => void this.#held?.fulfilled().then(() => this.#fetchMore()), signal);
    this.#chunks.found.on((size_bytes) => this.#tally.add("device", size_bytes), signal);
    this.#chunks.came.on(({ holder, size_bytes }) => {
      this.#held?.grew(size_bytes);
      this.#tally.add(this.#swarm.originOf(holder), size_bytes);
    }, signal);
    this.#reachChanged();
  }

  /** The library let this device go: it must not keep what it has no right to. */
  #revoked() {
    this.#tell({ kind: "revoked", wiped: this.#wipe("removed") });
  }

  #reachChanged() {
    this.#chunks.holdersChanged();
    if (this.#swarm.holders.length) {
      clearTimeout(this.#offlineTimer);
      this.#offlineTimer = 0;
      void this.#log.tell();
      if (this.#swarm.seeds.length) void this.#askSeeds().catch(() => {});
      return this.#link("");
    }
    // Once told, a new reason is told at once.
    if (this.#away) return this.#link(awayWhy(this.#swarm));
    this.#offlineTimer ||= setTimeout(() => this.#link(awayWhy(this.#swarm)), OFFLINE_AFTER_MS);
  }

  /** For what devices that are away left there. */
  async #askSeeds() {
    const parts = { seeds: () => this.#swarm.seeds, membership: this.#membership, catalog: this.#catalog, signal: this.#life.signal };
    this.#seedHeads ??= import("./swarm_heads.js").then(({ SeedHeads }) => new SeedHeads(parts));
    (await this.#seedHeads).look();
  }

  /** @param {string} why  nobody can be reached; "": somebody can */
  #link(why) {
    if (why === this.#away) return;
    this.#away = why;
    this.#tell({ kind: "link", online: !why, why });
  }

  /** @param {SourceEvent} event */
  #tell(event) {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** @type {Source["subscribe"]} */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The catalog, as soon as there is one. */
  async #library() {
    if (this.#catalog.library) return this.#catalog.library;
    return new Promise((/** @type {(library: NonNullable<SwarmCatalog["library"]>) => void} */ resolve) => {
      const life = new AbortController();
      this.#catalog.changed.on(() => {
        if (!this.#catalog.library) return;
        life.abort();
        resolve(this.#catalog.library);
      }, life.signal);
    });
  }

  /** @type {Source["library"]} */
  async library() {
    const library = await this.#library();
    return {
      library: toBase32(this.#membership.library),
      device: toBase32(this.#membership.id),
      version: "",
      revision: this.#catalog.revision,
      phrase_confirmed: true,
      counts: library.counts,
      duration_ms: library.duration_ms,
    };
  }

  /** The catalog, and what the person did with what is in it. */
  async #shown() {
    return { library: await this.#library(), personal: this.#catalog.personal };
  }

  /** @type {Source["lyrics"]} */
  async lyrics(id) {
    const { wordsOf } = await import("./swarm_words.js");
    return wordsOf((kind, body, timeout_ms) => this.#swarm.ask(kind, body, timeout_ms), id);
  }

  /** @type {Source["coverUrl"]} */
  coverUrl(id, size) {
    return new URL(`cover/${id}/${size}`, document.baseURI).href;
  }

  /** @type {Source["streamUrl"]} */
  streamUrl(id, rendition) {
    const path = `stream/${id}/${rendition === "lan" ? (this.#atHome() ? "original" : "mobile") : rendition}`;
    void this.#wish(path);
    return new URL(path, document.baseURI).href;
  }

  /** Whether a computer gives its music directly in this network. */
  #atHome() {
    const { connection } = /** @type {{connection?: {type?: string}}} */ (navigator);
    return connection?.type !== "cellular" && this.#swarm.ways().some(({ role, path }) => role === "node" && path === "lan");
  }

  /** The player asks for what plays and for what comes next: those two are fetched whole. @param {string} path */
  async #wish(path) {
    if (this.#asked.includes(path)) return;
    this.#chunks.decide();
    const asked = [...this.#asked, path].slice(-PLAYING);
    this.#asked = asked;
    const [, id] = STREAM.exec(path) ?? [];
    if (id) void this.#holding().then((held) => held.played(id));
    const found = asked.map((each) => this.#find(each).catch(() => null));
    /** @type {Wish[]} */
    const playing = [];
    for (const finding of found) {
      // A rendition of the next song that is still to be made must not hold up this one.
      const content = await finding;
      if (asked !== this.#asked) return;
      if (!content || !("ref" in content)) continue;
      playing.push({ ref: content.ref });
      this.#store.touch(toBase32(content.ref.root));
      this.#playing = [...playing];
      void this.#chunks.wish(this.#playing);
    }
  }

  /** Not at once: what the person wants first has the way to itself. */
  #fetchMoreSoon() {
    clearTimeout(this.#fetchTimer);
    this.#fetchTimer = /** @type {any} */ (setTimeout(() => this.#fetchMore(), QUIET_MS));
  }

  /** What plays is here: the rest of the way serves what may come later. */
  #fetchMore() {
    clearTimeout(this.#fetchTimer);
    if (this.#life.signal.aborted) return;
    const more = this.#held?.next() ?? [];
    if (!more.length) return;
    void this.#chunks.wish([...this.#playing, ...more]);
    this.#fetchTimer = /** @type {any} */ (setTimeout(() => this.#fetchMore(), OTHERS_AFTER_MS));
  }

  /** The blob that plays of a track as a rule. @param {string} id */
  #musicAsARule(id) {
    if (!this.#catalog.library?.has(id)) return null;
    const { original, mobile } = playableOf(this.#catalog.library.renditions(id));
    return (mobile ?? original)?.blob ?? null;
  }

  /** @param {string} id */
  #haveMade(id) {
    const { library } = this.#catalog;
    if (library?.has(id)) void this.#rendered(id, playableOf(library.renditions(id)).makeable);
  }

  /** @type {NonNullable<Source["whyNot"]>} */
  async whyNot(id) {
    const { original, mobile, makeable } = playableOf((await this.#library()).renditions(id));
    if (original || mobile) return "";
    return makeable ? "a computer that has it must first make a copy that this browser can play" : "this browser can play neither its original nor a small copy";
  }

  /**
   * What stands at a path of the service worker.
   * @param {string} path
   * @returns {Promise<Content | null>}
   */
  async #find(path) {
    const library = await this.#library();
    const stream = STREAM.exec(path);
    if (stream) return this.#music(stream[1], /** @type {Rendition} */ (stream[2]));
    const [, id, size] = COVER.exec(path) ?? [];
    const cover = id ? library.cover(id) : null;
    return cover && this.#covers.get(path, { id, size_px: Number(size), ...cover });
  }

  /**
   * @param {string} id
   * @param {Rendition} rendition
   */
  async #music(id, rendition) {
    const { original, mobile, makeable } = playableOf((await this.#library()).renditions(id));
    // Opus is made of every song sooner or later; AAC only where the original doesn't play, or the person wants small copies.
    const large = rendition === "auto" && makeable === "aac" ? original : null;
    const here = rendition === "original" ? (original ?? mobile) : (mobile ?? large);
    const chosen = here ?? (await this.#rendered(id, makeable)) ?? original;
    return chosen ? { ref: chosen.blob, mime: chosen.stream.mime } : null;
  }

  /** @type {Source["status"]} */
  async status() {
    return { folders: [], jobs: [], store: {}, notices: lostNotices(this.#store.lost_kept) };
  }

  /** @type {Source["phrase"]} */
  async phrase() {
    return null;
  }

  phraseChallenge = unsupported;
  confirmPhrase = unsupported;
  hideTrack = unsupported;
  addFolder = unsupported;
  removeFolder = unsupported;
  moveFolder = unsupported;
  exportTracks = unsupported;
  verify = unsupported;

  /** Forget this device: keys, catalog and every song that is kept here. */
  signOut() {
    return this.#wipe("forgotten");
  }

  /** @param {import("./wipe.js").Why} why */
  async #wipe(why) {
    this.#life.abort();
    this.#tally.end();
    const { wipe } = await import("./wipe.js");
    return wipe(why, () => Promise.allSettled([this.#store.clear(), this.#covers.forget()]));
  }
}
