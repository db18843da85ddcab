/**
 * @typedef {"peer" | "refused" | "damaged" | "unavailable" | "unknown_format"} WireFault
 *   peer: the other side broke the protocol, drop it; refused: a rule that protects the music or its owner said no;
 *   damaged: fetch another copy; unavailable: the same may work later; unknown_format: written by a newer Songkeep.
 */

/** Why something from another device was not accepted. The same tree as the node's errors. */
export class WireError extends Error {
  /**
   * @param {WireFault} fault
   * @param {string} message  a sentence
   */
  constructor(fault, message) {
    super(message);
    this.name = "WireError";
    this.fault = fault;
  }
}

/** @param {string} message */
export const peerError = (message) => new WireError("peer", message);
/** @param {string} message */
export const refused = (message) => new WireError("refused", message);
/** @param {string} message */
export const damaged = (message) => new WireError("damaged", message);
/** @param {string} message */
export const unavailable = (message) => new WireError("unavailable", message);
/** @param {string} message */
export const unknownFormat = (message) => new WireError("unknown_format", message);
