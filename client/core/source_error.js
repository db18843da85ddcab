// Why a source could not do what was asked.

/**
 * @typedef {"offline" | "signed_out" | "not_found" | "invalid" | "refused" | "unsure" | "unsupported" | "failed"} SourceErrorCode
 *   offline: nothing answers, try later; signed_out: this browser must sign in; refused and failed: the message says why;
 *   unsure: hardly what was meant, done if it is asked for again as such.
 */

/** Why a source could not do what was asked; its message is a sentence for the person. */
export class SourceError extends Error {
  /**
   * @param {SourceErrorCode} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "SourceError";
    this.code = code;
  }
}
