// What of a song this browser can play.

/** @import {Rendition} from "../core/catalog_values.js" */
/** @import {renditionsOf} from "../core/catalog_listing.js" */

/** @typedef {"opus" | "aac"} SmallCodec  what computers make small copies in; AAC only when asked */

/** The first that plays is asked for. @type {Record<SmallCodec, string>} */
const SMALL = { opus: "audio/webm; codecs=opus", aac: 'audio/mp4; codecs="mp4a.40.2"' };

const voice = document.createElement("audio");
/** What the browser said, which is asked of every song. @type {Map<string, boolean>} */
const said = new Map();

/** @param {string} mime */
function playable(mime) {
  const known = said.get(mime) ?? voice.canPlayType(mime) !== "";
  said.set(mime, known);
  return known;
}

/** In what small copies play here; "" in nothing. @returns {SmallCodec | ""} */
export const smallCodec = () => (playable(SMALL.opus) ? "opus" : playable(SMALL.aac) ? "aac" : "");

/** The first that plays, else null. @param {readonly (Rendition | null)[]} renditions */
export const firstPlayable = (renditions) => renditions.find((each) => each && playable(each.stream.mime)) ?? null;

/**
 * The original and the small copy, null where there is none that plays; `makeable`: in what a small copy could be made that does.
 * @param {ReturnType<typeof renditionsOf>} renditions
 */
export function playableOf({ originals, mobile, mobile_aac }) {
  const small = firstPlayable([mobile, mobile_aac]);
  // One that is still to be made would be like one that was.
  return { original: firstPlayable(originals), mobile: small, makeable: small ? "" : smallCodec() };
}
