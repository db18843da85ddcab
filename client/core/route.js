// Addresses inside the app, kept in the fragment: they survive a reload on any static host in any folder.

/** @typedef {"home" | "albums" | "album" | "artists" | "artist" | "songs" | "genres" | "genre" | "search" | "now" | "locker" | "settings" | "devices" | "where" | "move" | "for-you" | "library" | "starred" | "history" | "playlists" | "playlist"} Place */
/** @typedef {{place: Place, id: string}} Route  `id` is "" for places that need none; for "now" it is the open panel, for "search" the text, for "history" "most" or "", for "devices" "pair", "phrases" or "", for "for-you" a track or "". */

const PLAIN = new Set(["albums", "artists", "songs", "genres", "locker", "settings", "where", "move", "library", "starred", "playlists"]);
const WITH_ID = new Set(["album", "artist", "genre", "playlist"]);
const MAYBE_ID = new Set(["now", "search", "history", "devices", "for-you"]);

/** Fragments that are secrets or errands, not places: "#signin=CODE", "#pair=...". */
const ERRAND = /^#(signin|pair)=(.*)$/s;

/**
 * @param {string} hash  location.hash
 * @returns {{kind: "signin" | "pair", value: string} | null}
 */
export function errand(hash) {
  const match = ERRAND.exec(hash);
  return match ? { kind: /** @type {"signin" | "pair"} */ (match[1]), value: match[2] } : null;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/**
 * Unknown and malformed addresses lead home.
 * @param {string} hash  location.hash
 * @returns {Route}
 */
export function parse(hash) {
  const [place = "", ...rest] = hash.replace(/^#\/?/, "").split("/");
  const id = decoded(rest.join("/"));
  if (PLAIN.has(place) && !id) return { place: /** @type {Place} */ (place), id: "" };
  if (WITH_ID.has(place) && id) return { place: /** @type {Place} */ (place), id };
  if (MAYBE_ID.has(place)) return { place: /** @type {Place} */ (place), id };
  return { place: "home", id: "" };
}

/**
 * @param {Place} place
 * @param {string} [id]
 */
export function href(place, id = "") {
  if (place === "home") return "#/";
  return id ? `#/${place}/${encodeURIComponent(id)}` : `#/${place}`;
}
