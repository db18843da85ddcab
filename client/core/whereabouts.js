// Where the music lives: how the picture is laid out, and what is said of it.

import { bytes, counted, left, number } from "./format.js";

/** @import {Copies, CopiesDevice} from "./source.js" */

const ROW_DEVICES = 3;
const ROW_HEIGHT = 132;
export const ORB_RADIUS = 34;
/** From a device's middle to below its name. */
export const LABEL_DEPTH = ORB_RADIUS + 42;
export const PICTURE_WIDTH = 360;
const TOP = 46;
const NAME_CHARS = 16;
/** Copies from this number on look alike. */
export const MANY_COPIES = 4;
export const REASONS_SHOWN = 5;

/**
 * Places of the devices: this one below, the others above it, at most three in a row.
 * @param {readonly CopiesDevice[]} devices
 * @returns {{height: number, places: {device: CopiesDevice, x: number, y: number}[]}}
 */
export function layOut(devices) {
  const here = devices.filter((each) => each.this);
  const others = devices.filter((each) => !each.this);
  const rows = Math.ceil(others.length / ROW_DEVICES);
  const each = Math.ceil(others.length / Math.max(rows, 1));
  const places = others.map((device, at) => {
    const row = Math.floor(at / each);
    const step = PICTURE_WIDTH / Math.min(each, others.length - row * each);
    return { device, x: step * ((at % each) + 0.5), y: TOP + row * ROW_HEIGHT };
  });
  const y = TOP + rows * ROW_HEIGHT + (rows ? 22 : 0);
  for (const device of here) places.push({ device, x: PICTURE_WIDTH / 2, y });
  return { height: y + ORB_RADIUS + 52, places };
}

/** How many songs the library has. @param {Pick<Copies, "songs">} copies */
export const songsOf = ({ songs }) => songs.reduce((sum, each) => sum + each.songs, 0);

/** @param {string} name */
export const shortName = (name) => ([...name].length > NAME_CHARS ? `${[...name].slice(0, NAME_CHARS - 1).join("")}…` : name);

const DAY_MS = 86_400_000;

/** "23:10" within a day, else "12 Nov". @param {number} time_ms */
const moment = (time_ms) =>
  new Date(time_ms).toLocaleString(
    [],
    Date.now() - time_ms < DAY_MS ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" },
  );

/** How a device stands, in a word or three. @param {CopiesDevice} device */
export function standing(device) {
  if (device.this) return "this device";
  if (!device.trusted) return "not believed";
  if (!device.present) return `${device.asleep ? "asleep" : "away"}${device.seen_ms ? ` since ${moment(device.seen_ms)}` : ""}`;
  if (device.kind === "seed") return "seed, sealed";
  return device.reached ? { lan: "on this network", direct: "direct", webrtc: "through routers", relay: "by a relay" }[device.reached] : "here";
}

/**
 * The share of all songs on a device, from 0 to 1: originals sealed, as files, and small ones alone.
 * @param {CopiesDevice} device
 * @param {number} songs
 */
export const shares = (device, songs) => ({
  sealed: songs ? device.originals / songs : 0,
  files: songs ? device.from_files / songs : 0,
  small: songs ? device.small / songs : 0,
});

/** The first sentence of the page. @param {Copies} copies */
export function summary(copies) {
  const songs = songsOf(copies);
  const devices = counted(copies.devices.length, "device");
  if (!songs) return "Nothing is in your library yet.";
  const all = `${counted(songs, "song")} on ${devices}.`;
  const few = copies.at_risk.songs;
  if (!few) return `${all} Each has ${copies.copies} copies or more.`;
  if (few === songs) return `${all} None has its ${copies.copies} copies yet.`;
  return `${all} ${counted(few, "song has", "songs have")} fewer than ${copies.copies} copies.`;
}

/**
 * The parts of the bar, the fewest copies first; those with many are one part.
 * @param {Pick<Copies, "songs" | "copies">} copies
 * @returns {{copies: number, songs: number, label: string, risky: boolean}[]}
 */
export function parts({ songs, copies }) {
  /** @type {Map<number, number>} */
  const found = new Map();
  for (const each of songs) {
    const at = Math.min(each.copies, MANY_COPIES);
    found.set(at, (found.get(at) ?? 0) + each.songs);
  }
  return [...found].map(([at, count]) => ({
    copies: at,
    songs: count,
    label: at === 0 ? "no copy that is known" : at === MANY_COPIES ? `${at} copies or more` : counted(at, "copy", "copies"),
    risky: at < copies,
  }));
}

/** What moves now. @param {Copies} copies */
export function moving({ queue, download, paused, transfers }) {
  if (paused) return "Copying is paused. What you play is fetched all the same.";
  if (!queue.blobs && !transfers.length) return "Nothing has to be copied to this device.";
  const come = queue.blobs === 1 ? "comes" : "come";
  return `${counted(queue.blobs, "sealed file")}, ${bytes(queue.bytes)}, ${come} to this device${speed(download, queue.left_s)}.`;
}

/** @param {{rate_bytes_per_s: number}} flow @param {number | null} left_s */
const speed = ({ rate_bytes_per_s }, left_s) =>
  (rate_bytes_per_s ? ` at ${bytes(rate_bytes_per_s)}/s` : "") + (left_s === null ? "" : `, ${left(left_s)}`);

/** What is to come from one device, after its name. @param {import("./source.js").Incoming} incoming */
export const incoming = ({ blobs, bytes: size, left_s, ...flow }) =>
  `${counted(blobs, "sealed file")}, ${bytes(size)}${speed(flow, left_s)}`;

/** How far one song is, after its title. @param {import("./source.js").Transfer} transfer */
export const progress = ({ done_bytes, total_bytes, left_s, ...flow }) =>
  `${bytes(done_bytes)} of ${bytes(total_bytes)}${speed(flow, left_s)}`;

/** What has gone to one device, after its name. @param {import("./source.js").Outgoing} outgoing */
export const outgoing = ({ total_bytes, ...flow }) => `${bytes(total_bytes)}${speed(flow, null)}`;

/** How much of one song has gone out, after its title. @param {import("./source.js").Upload} upload */
export const sent = ({ sent_bytes, total_bytes, ...flow }) =>
  `${bytes(sent_bytes)}${total_bytes === null ? "" : ` of ${bytes(total_bytes)}`}${speed(flow, null)}`;

/** Removed music that stays because nobody can be asked; empty if there is none. @param {Pick<Copies, "removed">} copies */
export function unasked({ removed: { blobs, unseen } }) {
  if (!unseen.length) return "";
  const names = unseen.map(({ name, seen_ms }) => `${name} (${seen_ms === null ? "never seen" : `last seen ${moment(seen_ms)}`})`).join(" and ");
  return (
    `${counted(blobs, "sealed file")} of music you removed over 30 days ago ${blobs === 1 ? "stays" : "stay"}: first ${names} would have to be asked ` +
    "whether it was brought back. If that device is lost, revoke it under Devices, or let them go with: songkeep free --removed"
  );
}

/** What went out. @param {Pick<Copies, "upload">} copies */
export const given = ({ upload }) =>
  `${bytes(upload.total_bytes)} given to your other devices since the start, ${bytes(upload.rate_bytes_per_s)}/s now.`;

/**
 * What freeing came to.
 * @param {{freed_blobs: number, freed_bytes: number, kept: {reason: string, blobs: number}[]}} freed
 */
export function freedText({ freed_blobs, freed_bytes, kept }) {
  const went = freed_blobs ? `${bytes(freed_bytes)} freed.` : "Nothing could be freed.";
  const stays = kept.map(({ reason, blobs }) => `${number(blobs)} stay: ${reason}.`);
  return [went, ...stays].join(" ");
}

/** Bytes of "5 GB", "500MB" or "2.5 g"; null if it is no amount. @param {string} text */
export function readSize(text) {
  const found = /^\s*(\d{1,9}(?:[.,]\d{1,3})?)\s*([kmgt])?b?\s*$/i.exec(text);
  if (!found) return null;
  const size = Math.round(Number(found[1].replace(",", ".")) * 1000 ** " kmgt".indexOf((found[2] ?? " ").toLowerCase()));
  return size > 0 ? size : null;
}
