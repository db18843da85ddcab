import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";
import { mark } from "./mark.js";

/** Of the computer itself, where `songkeep open` works. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * @param {HTMLElement} host
 * @param {{why: string, signIn: (proof: {code: string} | {password: string}) => Promise<void>, done: () => void}} how
 */
export function mountSignIn(host, { why, signIn, done }) {
  const error = h("p", { class: "error", role: "alert" }, why);
  const password = h("input", {
    type: "password",
    autocomplete: "current-password",
    "aria-label": "Password",
    placeholder: "Password",
    maxlength: "1000",
  });
  const submit = h("button", { type: "submit", class: "pill primary" }, "Sign in");
  const form = h("form", { class: "gate-form" }, password, submit);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!password.value) return password.focus();
    submit.disabled = true;
    error.textContent = "";
    try {
      await signIn({ password: password.value });
      done();
    } catch (reason) {
      error.textContent = reason instanceof Error ? reason.message : "That didn’t work.";
      password.select();
    } finally {
      submit.disabled = false;
    }
  });
  const heading = h("h1", { tabindex: "-1" }, "Open your locker");
  const rest = LOOPBACK.has(location.hostname) ? atTheComputer(error, form) : fromElsewhere(error, form);
  fill(host, h("main", { class: "gate-card" }, mark(), heading, ...rest));
  heading.focus();
}

/** @param {HTMLElement} error @param {HTMLElement} form */
function atTheComputer(error, form) {
  const command = "songkeep open";
  const copy = button(
    { class: "pill small" },
    async () => {
      await navigator.clipboard?.writeText(command).catch(() => {});
      copy.textContent = "Copied";
    },
    "Copy",
  );
  return [
    h("p", null, "On the computer that keeps your music, run this. It opens the player here, signed in."),
    h("p", { class: "command" }, h("code", null, command), copy),
    error,
    h("details", null, h("summary", null, "I have the password of this network’s player"), form),
  ];
}

/** @param {HTMLElement} error @param {HTMLElement} form */
const fromElsewhere = (error, form) => [
  h("p", null, "This is the player of another computer. Its password was set there, with ", h("code", null, "songkeep config lan on"), "."),
  isSecureContext
    ? null
    : h("p", { class: "notice warning" }, icon("warning"), h("span", null, "The way there is not encrypted: others in this network could listen to the password and the music.")),
  error,
  form,
].filter((node) => node !== null);
