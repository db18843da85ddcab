/** @import {Rendition, Track} from "./model.js" */

/** ffmpeg's codec name -> the content type a browser is asked about. @type {Record<string, string>} */
const MIME = {
  mp3: "audio/mpeg",
  flac: "audio/flac",
  aac: 'audio/mp4; codecs="mp4a.40.2"',
  alac: 'audio/mp4; codecs="alac"',
  vorbis: 'audio/ogg; codecs="vorbis"',
  opus: 'audio/ogg; codecs="opus"',
  pcm_s16be: "audio/aiff",
  pcm_s24be: "audio/aiff",
};

/**
 * Whether a browser has a chance with the original; unknown PCM flavours are taken for WAV, anything else unknown for hopeless.
 * @param {string} codec
 * @param {(mime: string) => boolean} canPlay
 */
const playable = (codec, canPlay) => {
  const mime = MIME[codec] ?? (codec.startsWith("pcm_") ? "audio/wav" : "");
  return mime !== "" && canPlay(mime);
};

/**
 * What to ask the source for: the person's wish, unless this browser cannot play the original.
 * @param {Track} track
 * @param {Rendition} wish
 * @param {(mime: string) => boolean} canPlay
 * @returns {Rendition}
 */
export const renditionFor = (track, wish, canPlay) =>
  wish !== "mobile" && track.codec && !playable(track.codec, canPlay) ? "mobile" : wish;
