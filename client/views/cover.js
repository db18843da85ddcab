import { gradient, initials } from "../core/look.js";
import { h } from "./dom.js";

/** @import {Source} from "../core/source.js" */

/**
 * @typedef {object} Pictured  What a cover is drawn for.
 * @property {string} name  stands in when there is no picture
 * @property {string | null} cover
 */

/** @typedef {96 | 256 | 512 | 1024} CoverSize */

/** @type {CoverSize[]} */
const SIZES = [96, 256, 512, 1024];

/**
 * The smallest stored size that is sharp at this width on this screen.
 * @param {number} width_px
 */
export const sizeFor = (width_px) =>
  SIZES.find((size) => size >= width_px * Math.min(devicePixelRatio, 2) * 0.9) ?? 1024;

/**
 * A square picture: letters on a gradient, and the real cover over it as soon as it is there. Decoration: names stand beside it.
 * @param {Source} source
 * @param {Pictured} what
 * @param {{width_px: number, round?: boolean, eager?: boolean}} how
 */
export function cover(source, { name, cover: id }, { width_px, round = false, eager = false }) {
  const box = h("span", { class: round ? "cover round" : "cover", "aria-hidden": "true" });
  box.style.setProperty("--stand-in", gradient(name));
  const letters = h("span", { class: "cover-letters" }, initials(name) || "♪");
  box.append(letters);
  if (!id) return box;
  const image = h("img", { alt: "", decoding: "async", loading: eager ? "eager" : "lazy", draggable: "false" });
  image.addEventListener("load", () => box.classList.add("loaded"));
  image.addEventListener("error", () => image.remove());
  image.src = source.coverUrl(id, sizeFor(width_px));
  if (image.complete && image.naturalWidth) box.classList.add("loaded", "at-once");
  box.append(image);
  return box;
}
