// Loads the app again when its files didn't come: a phone that changes networks loses what is on its way. No module, so that it runs
// where those fail.

(() => {
  const TRIES = "tries";
  const MOST_TRIES = 4;
  const FIRST_WAIT_MS = 500;
  let over = false;

  /** How often that was in a row; too often if it can't be counted. */
  function counted() {
    try {
      const tries = Number(sessionStorage.getItem(TRIES)) + 1;
      sessionStorage.setItem(TRIES, String(tries));
      return tries;
    } catch {
      return Infinity;
    }
  }

  /** @param {number} tries */
  const waitAfter = (tries) => FIRST_WAIT_MS * 2 ** (tries - 1);

  /** The app may be at work already, so only the sheet is asked for again. @param {HTMLLinkElement} sheet */
  function restyle(sheet) {
    const tries = Number(sheet.dataset.tries ?? 0) + 1;
    if (tries > MOST_TRIES) return;
    const next = /** @type {HTMLLinkElement} */ (sheet.cloneNode());
    next.dataset.tries = String(tries);
    setTimeout(() => sheet.replaceWith(next), waitAfter(tries));
  }

  function begun() {
    over = true;
    try {
      sessionStorage.removeItem(TRIES);
    } catch {
      // Nothing was counted.
    }
  }

  function failed() {
    if (over) return;
    over = true;
    const tries = counted();
    if (tries <= MOST_TRIES) setTimeout(() => location.reload(), waitAfter(tries));
    else leaveItToThePerson();
    addEventListener("online", () => location.reload());
  }

  function leaveItToThePerson() {
    const [card, title, why, button] = ["main", "h1", "p", "button"].map((tag) => document.createElement(tag));
    card.className = "gate-card";
    title.textContent = "Songkeep could not be opened";
    why.textContent = "Look whether this device is online and its browser a current one, then try again.";
    button.className = "pill primary";
    button.textContent = "Try again";
    button.addEventListener("click", () => location.reload());
    card.append(title, why, button);
    document.documentElement.classList.add("gated");
    document.getElementById("gate")?.replaceChildren(card);
    button.focus();
  }

  addEventListener("app-begun", begun);
  addEventListener("app-failed", (event) => {
    // So a browser tells of a module that did not come; anything else will fail the next time too.
    if (/** @type {CustomEvent} */ (event).detail instanceof TypeError) failed();
    else leaveItToThePerson();
  });
  addEventListener(
    "error",
    ({ target }) => {
      if (target instanceof HTMLScriptElement) failed();
      if (target instanceof HTMLLinkElement && target.rel === "stylesheet") restyle(target);
    },
    true,
  );
})();
