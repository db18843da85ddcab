// How names are compared, sorted and searched: the same folding as on the PC (node/catalog/words.py).

import { toBase32, utf8 } from "./bytes.js";
import { sha256 } from "./crypto.js";

const ARTICLES = new Set(["the", "a", "an"]);
const SORT_DIGITS = 8;
/** Letters that Unicode doesn't take apart and people type without their stroke. @type {Record<string, string>} */
const SPECIAL = { ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", æ: "ae", œ: "oe", ı: "i", ħ: "h", ß: "ss", ς: "σ" };
const IS_SPECIAL = /[øłđðþæœıħßς]/g;
const IS_ASCII = /^[\x00-\x7f]*$/;
/** Marks go where an alphabet has them on its letters, and stay where they are half of the letter. */
const ACCENTS = /([\p{ASCII}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Hebrew}\p{Script=Arabic}])\p{Mn}+/gu;
const NOT_WORDS = /[^\p{L}\p{N}\p{M}\s]+/gu;
/** Scripts that are searched by characters, since nothing tells where their words begin. */
const UNSPACED = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\u{20000}-\u{3ffff}]/gu;

/** Without case, compatibility forms, accents and doubled spaces. @param {string} text */
export function fold(text) {
  if (IS_ASCII.test(text)) return text.replace(/\s+/g, " ").trim().toLowerCase();
  const plain = text.normalize("NFKD").toLowerCase().replace(IS_SPECIAL, (letter) => SPECIAL[letter]);
  return plain.replace(ACCENTS, "$1").normalize("NFC").replace(/\s+/g, " ").trim();
}

/** What a name is sorted by: without punctuation or a leading article, numbers by their value. @param {string} text */
export function sortKey(text) {
  const folded = fold(text);
  let key = folded.replace(NOT_WORDS, " ").replace(/\s+/g, " ").trim() || folded;
  const space = key.indexOf(" ");
  if (space > 0 && ARTICLES.has(key.slice(0, space))) key = key.slice(space + 1);
  return key.replace(/\d+/g, (digits) => digits.padStart(SORT_DIGITS, "0"));
}

/** Words, each with a space before it. @param {string} text */
export function searchWords(text) {
  const words = fold(text).replace(NOT_WORDS, " ").replace(UNSPACED, " $& ").replace(/\s+/g, " ").trim();
  return words && ` ${words}`;
}

/** What a person typed, as the beginnings of words to look for; [] if there is nothing to look for. @param {string} query */
export function queryTerms(query) {
  return fold(query).replace(NOT_WORDS, " ").split(/\s+/).filter(Boolean).slice(0, 8).map(searchWords);
}

/** @param {string} name  as folded: the same for every way of writing case and accents */
export const artistId = (name) => nameId("artist", fold(name));

/** @param {...string} parts  of the album's grouping key */
export const albumId = (...parts) => nameId("album", ...parts);

/** @param {...string} parts */
const nameId = async (...parts) => toBase32((await sha256(utf8(parts.join("\0")))).subarray(0, 16));

const DISC_FOLDER = /^(cd|dis[ck]|dvd|side|vol(ume)?)[\s._-]*([0-9]{1,3}|[a-d])\b.*$/i;

/** The folder that holds an album's files, given one file's path: without "CD 1" and its like. @param {string} path */
export function albumFolder(path) {
  const parts = path.split("/").slice(0, -1);
  while (parts.length > 1 && DISC_FOLDER.test(parts[parts.length - 1])) parts.pop();
  return parts.join("/");
}
