// Where this app's music comes from: the computer that served the page, or, once paired, the library's devices.

import { errand } from "../core/route.js";
import { apiUrl, session } from "./node_http.js";
import { recall } from "./shelf.js";

/** @import {Source} from "../core/source.js" */
/** @import {Membership} from "./swarm_membership.js" */
/** @import {Why} from "./wipe.js" */

const PROBE_TIMEOUT_MS = 4_000;

/**
 * @typedef {object} Booted
 * @property {Source} source
 * @property {boolean} known  this browser is let in already: there is nothing to sign in to
 */

/**
 * @typedef {object} Gates
 * @property {(invitation: string, member: Membership | null) => Promise<Membership>} pair  shows the pairing page until this browser is
 *   a member; a `member` is asked first, and may stay
 * @property {(wiped: Promise<string[]>, why: Why) => Promise<void>} removed  tells of it until the person goes on
 */

/**
 * @param {Gates} gates
 * @param {AbortSignal} signal
 * @returns {Promise<Booted>}
 */
export async function boot({ pair, removed }, signal) {
  // A pairing link opened in a page that is open already.
  addEventListener("hashchange", () => errand(location.hash)?.kind === "pair" && location.reload(), { signal });
  const first = errand(location.hash);
  if (first?.kind === "signin" || (session() && first?.kind !== "pair")) {
    // Signed in to a computer: nothing of what a paired device needs is even loaded.
    return node();
  }
  // Paired once: what leads to the other devices comes while the keys are read.
  if (recall("paired")) void import("./swarm_source.js").catch(() => {});
  const { Membership } = await import("./swarm_membership.js");
  const membership = await Membership.load().catch(() => null);
  const over = /** @type {Why | null} */ (membership?.revoked ? "removed" : recall("wiping"));
  // Let go, or a wipe that was interrupted: before anything else, nothing of that library stays.
  if (over) await removed(import("./wipe.js").then(({ wipe }) => wipe(over)), over);
  const member = over ? null : membership;
  if (first?.kind === "pair") return swarm(await pair(first.value, member));
  if (member) return swarm(member);
  return (await nodeAnswers()) ? node() : swarm(await pair("", null));
}

/** @returns {Promise<Booted>} */
async function node() {
  // A paired device needs nothing of it, and has none of it to carry.
  const { NodeSource } = await import("./node_source.js");
  return { source: new NodeSource(), known: false };
}

/**
 * @param {Membership} membership
 * @returns {Promise<Booted>}
 */
async function swarm(membership) {
  const { SwarmSource } = await import("./swarm_source.js");
  return { source: await SwarmSource.open(membership), known: true };
}

/** Whether the page came from a node, which answers for its library, if only to ask for a sign-in. */
async function nodeAnswers() {
  try {
    const response = await fetch(apiUrl("library"), { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS), cache: "no-store", credentials: "omit" });
    return response.headers.get("Content-Type")?.includes("json") ?? false;
  } catch {
    return true;
  }
}
