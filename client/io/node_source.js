// The Source over a node's HTTP API: on the PC itself, and on the LAN.

import { SourceError } from "../core/source_error.js";
import { apiUrl, endSession, request, session } from "./node_http.js";
import { followEvents } from "./node_events.js";
import { nodeDevices } from "./node_devices.js";
import { nodeContinuing, nodePersonal, nodePlaylists } from "./node_personal.js";
import { smallCodec } from "./playable.js";

/** @import {Source, SourceEvent} from "../core/source.js" */

/** Answers kept so that going back shows at once; all are dropped when the library changes. */
const ANSWERS_KEPT = 150;
/** Several seeds of a pool may be asked, one after the other. */
const SEED_TIMEOUT_MS = 240_000;

/**
 * @param {string} path
 * @param {Record<string, string | number | undefined>} query
 */
function withQuery(path, query) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== "") params.set(name, String(value));
  return params.size ? `${path}?${params}` : path;
}

/** @param {string} id */
const part = (id) => encodeURIComponent(id);

/** @implements {Source} */
export class NodeSource {
  /** @type {Source["can"]} */
  can = new Set(["phrase", "hide", "folders", "export", "verify", "sign_out", "star", "plays", "playlists", "edit_playlists", "devices"]);

  /** @type {Map<string, Promise<unknown>>} */
  #answers = new Map();
  /** @type {Set<(event: SourceEvent) => void>} */
  #listeners = new Set();
  /** @type {(() => void) | null} */
  #closeEvents = null;
  #revision = -1;

  /**
   * @param {string} path
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  async #get(path, signal) {
    const asked = session()?.token;
    try {
      return await request("GET", path, { signal });
    } catch (error) {
      // A refusal of the session before this one is old news.
      const ended = error instanceof SourceError && error.code === "signed_out" && asked === session()?.token;
      if (ended) this.#tell({ kind: "signed_out" });
      throw error;
    }
  }

  /**
   * Like #get, answered from memory while the library stays as it is.
   * @param {string} path
   * @returns {Promise<any>}
   */
  #kept(path) {
    const kept = this.#answers.get(path);
    if (kept) return kept;
    const answer = this.#get(path);
    this.#answers.set(path, answer);
    answer.catch(() => this.#answers.delete(path));
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= ANSWERS_KEPT) break;
      this.#answers.delete(oldest);
    }
    return answer;
  }

  /** @param {SourceEvent} event */
  #tell(event) {
    if (event.kind === "changed") {
      // A stream begins by saying where the library stands, which may be where it stood.
      if (event.revision === this.#revision) return;
      this.#revision = event.revision;
      this.#answers.clear();
    }
    if (event.kind === "signed_out") {
      this.#answers.clear();
      // Listening goes on with the next subscription, which comes with the next session.
      this.#closeEvents?.();
      this.#closeEvents = null;
    }
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** @type {Source["subscribe"]} */
  subscribe(listener) {
    this.#listeners.add(listener);
    this.#closeEvents ??= followEvents((event) => this.#tell(event));
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size) return;
      this.#closeEvents?.();
      this.#closeEvents = null;
    };
  }

  /** @type {Source["library"]} */
  library() {
    return this.#get("library");
  }

  /** @type {Source["tracks"]} */
  tracks(query, signal) {
    return this.#get(withQuery("tracks", query), signal);
  }

  /** @type {Source["track"]} */
  track(id) {
    return this.#kept(`tracks/${part(id)}`);
  }

  /** @type {Source["albums"]} */
  albums(query) {
    return this.#kept(withQuery("albums", query));
  }

  /** @type {Source["album"]} */
  album(id) {
    return this.#kept(`albums/${part(id)}`);
  }

  /** @type {Source["artists"]} */
  artists(query) {
    return this.#kept(withQuery("artists", query));
  }

  /** @type {Source["artist"]} */
  artist(id) {
    return this.#kept(`artists/${part(id)}`);
  }

  /** @type {Source["genres"]} */
  genres() {
    return this.#kept("genres");
  }

  /** @type {Source["search"]} */
  search(text, limit, signal) {
    return this.#get(withQuery("search", { q: text, limit }), signal);
  }

  /** @type {Source["lyrics"]} */
  async lyrics(id) {
    try {
      return await this.#kept(`tracks/${part(id)}/lyrics`);
    } catch (error) {
      if (error instanceof SourceError && error.code === "not_found") return null;
      throw error;
    }
  }

  /** @type {Source["coverUrl"]} */
  coverUrl(id, size) {
    return apiUrl(withQuery(`covers/${part(id)}`, { size, key: session()?.media_key }));
  }

  /** @type {Source["streamUrl"]} */
  streamUrl(id, rendition) {
    const small = smallCodec() === "aac" ? "aac" : "mobile";
    const asked = rendition === "mobile" ? small : rendition === "lan" ? "auto" : rendition;
    return apiUrl(withQuery(`tracks/${part(id)}/stream`, { rendition: asked, key: session()?.media_key }));
  }

  /** @type {NonNullable<Source["whyNot"]>} */
  async whyNot(id, rendition) {
    const response = await fetch(this.streamUrl(id, rendition), { headers: { Range: "bytes=0-0" } });
    if (response.ok) return "";
    const told = await response.json().catch(() => null);
    return String(told?.error?.message ?? "").replace(/\.$/, "");
  }

  /** @type {Source["status"]} */
  status() {
    return this.#get("status");
  }

  /** @type {Source["phrase"]} */
  async phrase() {
    try {
      return await this.#get("phrase");
    } catch (error) {
      if (error instanceof SourceError && error.code === "not_found") return null;
      throw error;
    }
  }

  /** @type {Source["phraseChallenge"]} */
  async phraseChallenge() {
    return (await this.#get("phrase/challenge")).positions;
  }

  /** @type {Source["confirmPhrase"]} */
  async confirmPhrase(words) {
    await request("POST", "phrase/confirm", { body: { words } });
  }

  /** @type {Source["hideTrack"]} */
  async hideTrack(id) {
    await request("DELETE", `tracks/${part(id)}`);
  }

  /** @type {Source["addFolder"]} */
  async addFolder(path, sure = false) {
    return /** @type {any} */ (await request("POST", "folders", { body: { path, sure } }));
  }

  /** @type {Source["removeFolder"]} */
  async removeFolder(id) {
    await request("DELETE", `folders/${part(id)}`);
  }

  /** @type {Source["moveFolder"]} */
  async moveFolder(id, path) {
    await request("POST", `folders/${part(id)}/move`, { body: { path } });
  }

  /** @type {Source["exportTracks"]} */
  async exportTracks(tracks, dir) {
    return /** @type {any} */ (await request("POST", "export", { body: { tracks, dir } })).job;
  }

  /** @type {Source["verify"]} */
  async verify(repair) {
    return /** @type {any} */ (await request("POST", "verify", { body: { repair } })).job;
  }

  /**
   * What changes the library: answers kept are out of date at once, before the node's own word of it comes.
   * @type {import("./node_personal.js").Change}
   */
  #change = async (method, path, body) => {
    const answer = await request(method, path, { body });
    this.#answers.clear();
    for (const listener of [...this.#listeners]) listener({ kind: "changed", revision: this.#revision });
    return answer;
  };

  personal = nodePersonal((path) => this.#kept(path), this.#change);
  playlists = nodePlaylists((path) => this.#kept(path), this.#change);
  devices = nodeDevices;
  continuing = nodeContinuing((path) => this.#get(path));

  /** @type {import("../core/source.js").Seeds} */
  seeds = {
    list: async () => (await this.#get("seeds")).items,
    add: async (wish) => /** @type {any} */ (await request("POST", "seeds", { body: wish, timeout_ms: SEED_TIMEOUT_MS })),
    shrink: async (id) => void (await request("POST", `seeds/${part(id)}/shrink`)),
    removals: async () => (await this.#get("removals")).items,
    undo: async () => /** @type {any} */ (await this.#change("POST", "undo")).restored.length,
    hosting: () => this.#get("hosting"),
  };

  /** @type {import("../core/source.js").Whereabouts} */
  copies = {
    show: () => this.#get("copies"),
    keep: async (kind, id) => /** @type {any} */ (await request("POST", "copies/keep", { body: { kind, id } })),
    free: async (kind, id) => /** @type {any} */ (await request("POST", "copies/free", { body: { kind, id } })),
    freeSpace: async (bytes) => /** @type {any} */ (await request("POST", "copies/free", { body: { bytes } })),
    limit: async (wish) => void (await request("PATCH", "config", { body: wish })),
  };

  /** @type {import("../core/source.js").Apps} */
  apps = {
    list: async () => (await this.#get("app-passwords")).items,
    create: async (name) => /** @type {any} */ (await request("POST", "app-passwords", { body: { name } })),
    revoke: async (id) => void (await request("DELETE", `app-passwords/${id}`)),
  };

  /** @type {Source["signOut"]} */
  async signOut() {
    // Signing out here must work even when the node is gone.
    await request("DELETE", "session").catch(() => {});
    endSession();
    return [];
  }
}
