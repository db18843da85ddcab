// The Source of a phone: the library from its catalog, the music from the devices that hold it.

import { toBase32 } from "../core/bytes.js";
import { SourceError } from "../core/source.js";
import { Chunks } from "./swarm_chunks.js";
import { Swarm } from "./swarm.js";
import { SwarmCatalog } from "./swarm_catalog.js";
import { openChunkStore } from "./store_chunks.js";
import { eraseDatabase } from "./store_db.js";
import { serveMedia } from "./swarm_stream.js";

/** @import {Rendition} from "../core/model.js" */
/** @import {Source, SourceEvent} from "../core/source.js" */
/** @import {ChunkStore} from "./swarm_chunks.js" */
/** @import {Membership} from "./swarm_membership.js" */
/** @import {Content} from "./swarm_stream.js" */

/** For so long nobody needs to be told that no device answers. */
const OFFLINE_AFTER_MS = 6_000;
/** Fetched whole: what plays, and what comes next. */
const WISHES = 2;
const MEDIA = /^(stream|cover)\/([a-z2-7]{1,64})(?:\/(auto|original|mobile))?$/;

/** @returns {Promise<never>} */
const unsupported = () => Promise.reject(new SourceError("unsupported", "That is done on the computer that keeps your music."));

/** @implements {Source} */
export class SwarmSource {
  /** @type {Source["can"]} */
  can = new Set(["sign_out"]);

  #membership;
  #swarm;
  #chunks;
  #catalog;
  #store;
  /** @type {Set<(event: SourceEvent) => void>} */
  #listeners = new Set();
  /** @type {string[]} */
  #wishes = [];
  #online = true;
  #offlineTimer = 0;
  /** Ends everything that goes on by itself. */
  #life = new AbortController();

  /**
   * @param {Membership} membership
   * @param {{swarm: Swarm, chunks: Chunks, catalog: SwarmCatalog, store: ChunkStore}} parts
   */
  constructor(membership, { swarm, chunks, catalog, store }) {
    this.#membership = membership;
    this.#store = store;
    this.#swarm = swarm;
    this.#chunks = chunks;
    this.#catalog = catalog;
  }

  /**
   * Meet the library's devices and show its catalog; what an earlier visit kept is there at once.
   * @param {Membership} membership
   */
  static async open(membership) {
    const store = await openChunkStore();
    const swarm = new Swarm(membership, () => ({}));
    const chunks = new Chunks(() => swarm.holders.map(({ peer }) => peer), store);
    const catalog = new SwarmCatalog(chunks);
    const source = new SwarmSource(membership, { swarm, chunks, catalog, store });
    const { signal } = source.#life;
    swarm.changed.on(() => source.#reachChanged(), signal);
    swarm.told.on(({ presence }) => catalog.offered(presence), signal);
    catalog.changed.on(() => source.#tell({ kind: "changed", revision: catalog.revision }), signal);
    membership.changed.on(() => void (membership.revoked && source.#revoked()), signal);
    swarm.open(signal);
    const media = serveMedia((path) => source.#find(path), chunks);
    await catalog.load().catch(() => {});
    await media;
    return source;
  }

  /** The library let this device go: it must not keep what it has no right to. */
  async #revoked() {
    this.#tell({ kind: "revoked" });
    await this.signOut();
  }

  #reachChanged() {
    this.#chunks.holdersChanged();
    clearTimeout(this.#offlineTimer);
    if (this.#swarm.holders.length) return this.#link(true);
    this.#offlineTimer = setTimeout(() => this.#link(false), OFFLINE_AFTER_MS);
  }

  /** @param {boolean} online */
  #link(online) {
    if (online === this.#online) return;
    this.#online = online;
    this.#tell({ kind: "link", online });
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

  /** @type {Source["tracks"]} */
  async tracks(query) {
    return (await this.#library()).tracks(query);
  }

  /** @type {Source["track"]} */
  async track(id) {
    return { ...(await this.#library()).track(id), sources: [], tags: {} };
  }

  /** @type {Source["albums"]} */
  async albums(query) {
    return (await this.#library()).albums(query);
  }

  /** @type {Source["album"]} */
  async album(id) {
    return (await this.#library()).album(id);
  }

  /** @type {Source["artists"]} */
  async artists(query) {
    return (await this.#library()).artists(query);
  }

  /** @type {Source["artist"]} */
  async artist(id) {
    return (await this.#library()).artist(id);
  }

  /** @type {Source["genres"]} */
  async genres() {
    return (await this.#library()).genres();
  }

  /** @type {Source["search"]} */
  async search(text, limit) {
    return (await this.#library()).search(text, limit);
  }

  /** @type {Source["lyrics"]} */
  async lyrics() {
    return null;
  }

  /** @type {Source["coverUrl"]} */
  coverUrl(id) {
    return new URL(`cover/${id}`, document.baseURI).href;
  }

  /** @type {Source["streamUrl"]} */
  streamUrl(id, rendition) {
    const path = `stream/${id}/${rendition}`;
    this.#wish(path);
    return new URL(path, document.baseURI).href;
  }

  /** The player asks for what plays and for what comes next: those two are fetched whole. @param {string} path */
  #wish(path) {
    if (this.#wishes.includes(path)) return;
    this.#wishes = [...this.#wishes, path].slice(-WISHES);
    const wanted = this.#wishes.map((each) => this.#find(each).catch(() => null));
    void Promise.all(wanted).then((found) => this.#chunks.wish(found.flatMap((content) => (content && "ref" in content ? [content.ref] : []))));
  }

  /**
   * What stands at a path of the service worker.
   * @param {string} path
   * @returns {Promise<Content | null>}
   */
  async #find(path) {
    const match = MEDIA.exec(path);
    const library = await this.#library();
    if (!match) return null;
    const [, kind, id, rendition] = match;
    if (kind === "stream") return this.#music(id, /** @type {Rendition} */ (rendition ?? "auto"));
    const cover = library.cover(id);
    return cover && { ref: cover.blob, mime: cover.mime };
  }

  /**
   * @param {string} id
   * @param {Rendition} rendition
   */
  async #music(id, rendition) {
    const { originals, mobile } = (await this.#library()).renditions(id);
    const chosen = rendition === "original" ? (originals[0] ?? mobile) : (mobile ?? originals[0]);
    return chosen ? { ref: chosen.blob, mime: chosen.stream.mime } : null;
  }

  /** @type {Source["status"]} */
  async status() {
    return { folders: [], jobs: [], store: {}, notices: [] };
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
  async signOut() {
    this.#life.abort();
    await this.#store.clear().catch(() => {});
    await eraseDatabase();
  }
}
