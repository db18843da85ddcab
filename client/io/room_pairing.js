// The pairing room: a WebSocket as the pipe between two devices.

import { ownServer, roomUrl } from "../core/wire_room.js";
import { pairRoom } from "../core/pairing.js";
import { refused, unavailable } from "../core/wire_errors.js";

/** @import {Invitation, Pipe} from "../core/pairing.js" */

const OPEN_TIMEOUT_MS = 15_000;

/** By the code that the server closes with. @type {Record<number, string>} */
const WHY = {
  4404: "This pairing code has run out, was used already, or was mistyped. Ask for a new one.",
  4408: "The time for this pairing code is over. Ask for a new one.",
  4409: "Somebody else has used this pairing code. Ask for a new one.",
  4410: "The other device has ended the pairing.",
  1000: "The other device has ended the pairing.",
};

/**
 * Go to the room that the invitation names. Throws a WireError with a sentence.
 * @param {Invitation} invitation
 * @param {AbortSignal} signal
 * @returns {Promise<Pipe>}
 */
export async function enterPairingRoom({ code, tracker }, signal) {
  const base = tracker ?? ownServer(document.baseURI);
  const socket = new WebSocket(roomUrl(base, `pair/${await pairRoom(code)}`));
  socket.binaryType = "arraybuffer";
  signal.addEventListener("abort", () => socket.close());
  /** @type {Uint8Array[]} */
  const frames = [];
  /** @type {{resolve: (frame: Uint8Array) => void, reject: (error: Error) => void}[]} */
  const waiting = [];
  /** @type {Error | null} */
  let ended = null;
  let opened = false;
  socket.addEventListener("message", ({ data }) => {
    const frame = new Uint8Array(data);
    const first = waiting.shift();
    if (first) first.resolve(frame);
    else frames.push(frame);
  });
  const end = (/** @type {number} */ closeCode) => {
    const told = WHY[closeCode];
    ended ??= told ? refused(told) : unavailable(opened ? "The connection to the other device was lost." : `${new URL(base).host} can’t be reached.`);
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  socket.addEventListener("close", (event) => end(event.code));
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      opened = true;
      resolve(undefined);
    });
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      reject(ended);
    });
  });
  return {
    send: (frame) => socket.send(frame),
    receive: () => {
      const frame = frames.shift();
      if (frame) return Promise.resolve(frame);
      if (ended) return Promise.reject(ended);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
  };
}
