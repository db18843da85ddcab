// What an amount of room on a seed means for a library.

/** A song of four minutes at 48 kbit/s, with what its cover and the catalog take (node/sizes.py). */
const SONG_BYTES = 1_530_000;

/**
 * How many songs of the size for the phone have room in that, whether all of a library's do, and what is left then.
 *
 * @param {number} size_bytes
 * @param {number} tracks  of the library
 */
export function roomFor(size_bytes, tracks) {
  const songs = Math.floor(size_bytes / SONG_BYTES);
  return { songs, all: tracks <= songs, left_bytes: Math.max(0, size_bytes - tracks * SONG_BYTES) };
}
