/** @import {Source} from "../core/source.js" */

/**
 * Give an element the leading colour of a cover, as the custom property --tint; without a cover it keeps none.
 * @param {HTMLElement} element
 * @param {Source} source
 * @param {{cover: string | null}} what
 * @param {AbortSignal} signal
 */
export function tint(element, source, { cover }, signal) {
  const set = (/** @type {string | null} */ colour) => {
    if (signal.aborted) return;
    element.classList.toggle("tinted", colour !== null);
    if (colour) element.style.setProperty("--tint", colour);
    else element.style.removeProperty("--tint");
  };
  if (!cover) return set(null);
  void import("../io/palette.js").then(({ leadingColour }) => leadingColour(source.coverUrl(cover, 96))).then(set);
}
