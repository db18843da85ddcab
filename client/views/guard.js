// What stands before the library: signing in, and the recovery phrase of a new one.

import { beginSession, session } from "../io/node_http.js";
import { forgetAll } from "../io/shelf.js";
import { SourceError } from "../core/source_error.js";
import { errand } from "../core/route.js";
import { say } from "./dom.js";
import { byId } from "./shell.js";
import { tell } from "./messages.js";

/** @import {App} from "./app.js" */

/** @typedef {{kind: "signin" | "pair", value: string}} Errand */

/**
 * Let the person in, then open the library; and again when the session ends.
 * @param {App} app
 * @param {{open: (errands: (errand: Errand) => void) => void, forget: () => void, known: boolean}} parts
 *   forget: drop lists of an earlier session; known: this browser is let in already, there is nothing to sign in to
 */
export function guard(app, { open, forget, known }) {
  let opened = false;
  let asking = false;
  let unsubscribe = () => {};

  const enter = () => {
    closeGate();
    asking = false;
    forget();
    unsubscribe();
    unsubscribe = app.source.subscribe((event) => {
      if (event.kind === "signed_out") void askToSignIn("");
      if (event.kind === "revoked") void tellRevoked(app, event.wiped);
      if (event.kind === "link") {
        document.documentElement.classList.toggle("offline", !event.online);
        if (event.why) say(byId("offline"), event.why);
      }
      if (event.kind === "notice" && event.notice.level !== "info") tell(event.notice.text);
    });
    if (opened) app.refreshPage();
    else open((other) => void run(other));
    opened = true;
    void offerPhrase(app);
  };

  /** @param {string} why  a sentence, or "" */
  const askToSignIn = async (why) => {
    if (asking) return;
    asking = true;
    app.player.pause();
    const { mountSignIn } = await import("./sign_in.js");
    mountSignIn(openGate(), { why, signIn: beginSession, done: enter });
  };

  /** @param {Errand} other */
  const run = async ({ kind, value }) => {
    // Pairing comes before anything else, so it begins with the page.
    if (kind === "pair") return location.reload();
    // The code works once; it stays neither in the address nor in the history.
    history.replaceState(null, "", `${location.pathname}${location.search}#/`);
    try {
      await beginSession({ code: value });
      enter();
    } catch (error) {
      if (session()) return enter();
      const offline = error instanceof SourceError && error.code === "offline";
      await askToSignIn(offline ? error.message : "That sign-in link has been used, or is too old.");
    }
  };

  const first = errand(location.hash);
  if (first) void run(first);
  else if (known || session()) enter();
  else void askToSignIn("");
}

function openGate() {
  document.documentElement.classList.add("gated");
  const host = byId("gate");
  host.replaceChildren();
  return host;
}

function closeGate() {
  document.documentElement.classList.remove("gated");
  byId("gate").replaceChildren();
}

/** A new library shows its recovery phrase before anything else. @param {App} app */
async function offerPhrase(app) {
  if (!app.source.can.has("phrase")) return;
  try {
    if ((await app.source.library()).phrase_confirmed) return;
    const { mountFirstRun } = await import("./first_run.js");
    mountFirstRun(openGate(), app, closeGate);
  } catch {
    // The page itself tells what is wrong; the phrase is asked for next time.
  }
}

/** Another device has let this one go. @param {App} app @param {Promise<string[]>} wiped */
async function tellRevoked(app, wiped) {
  app.player.empty();
  await showRemoved(wiped, "removed");
  location.reload();
}

/**
 * Tell that this device is out of its library and what became of what it kept, until the person goes on.
 * @param {Promise<string[]>} wiped  what couldn't be erased
 * @param {import("../io/wipe.js").Why} why
 * @returns {Promise<void>}
 */
export async function showRemoved(wiped, why) {
  const { mountRemoved } = await import("./pair.js");
  return new Promise((resolve) => void mountRemoved(openGate(), { wiped, why, done: resolve }));
}

/** Sign this browser out and forget what it kept. @param {App} app */
export async function leave(app) {
  app.player.empty();
  // What couldn't be erased is tried again, and told, when the app starts.
  if (!(await app.source.signOut()).length) forgetAll();
  location.replace("#/");
  location.reload();
}

/**
 * Show the pairing page until this browser is a device of the library.
 * @param {string} invitation  what stood in the link; "": it is to be typed
 * @param {import("../io/swarm_membership.js").Membership | null} member  what this browser is already: it is asked first, and may stay so
 * @returns {Promise<import("../io/swarm_membership.js").Membership>}
 */
export async function showPairing(invitation, member) {
  const { mountPair } = await import("./pair.js");
  // The code works once; it must stay neither in the address nor in the history.
  if (invitation) history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  document.documentElement.classList.add("gated");
  return new Promise((resolve) => void mountPair(byId("gate"), { invitation, member, done: resolve }));
}
