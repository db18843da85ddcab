// What of a song this browser can play.

/** @import {renditionsOf} from "../core/catalog_listing.js" */

/** What computers make small copies in. */
const MOBILE_MIME = "audio/webm; codecs=opus";

const voice = document.createElement("audio");
/** What the browser said, which is asked of every song. @type {Map<string, boolean>} */
const said = new Map();

/** @param {string} mime */
function playable(mime) {
  const known = said.get(mime) ?? voice.canPlayType(mime) !== "";
  said.set(mime, known);
  return known;
}

/**
 * The original and the small copy, null where there is none that plays; `makeable`: a small copy could be made that does.
 * @param {ReturnType<typeof renditionsOf>} renditions
 */
export function playableOf({ originals, mobile }) {
  const [original = null, small = null] = [originals, mobile ? [mobile] : []].map((each) => each.find(({ stream }) => playable(stream.mime)));
  // One that is still to be made would be like one that was.
  return { original, mobile: small, makeable: !mobile && playable(MOBILE_MIME) };
}
