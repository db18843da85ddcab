// Colours and letters for what has no cover: the same name always looks the same.

/** FNV-1a, 32 bits. @param {string} text */
function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}

/**
 * A CSS gradient of two neighbouring hues.
 * @param {string} name
 */
export function gradient(name) {
  const seed = hash(name);
  const hue = seed % 360;
  const turn = 100 + ((seed >>> 9) % 120);
  const second = (hue + 35 + ((seed >>> 16) % 40)) % 360;
  return `linear-gradient(${turn}deg, hsl(${hue} 38% 34%), hsl(${second} 46% 22%))`;
}

/**
 * At most two letters that stand for a name: the first of its first and last words, whole graphemes in any script.
 * @param {string} name
 */
export function initials(name) {
  const words = name
    .split(/\s+/u)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+/u, ""))
    .filter(Boolean);
  const pair = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return pair.map(firstGrapheme).join("").toLocaleUpperCase();
}

/** @param {string} word */
function firstGrapheme(word) {
  for (const { segment } of new Intl.Segmenter().segment(word)) return segment;
  return "";
}
