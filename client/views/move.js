// Moving to another address: for a browser that is another, empty device, so what was kept is carried over by its names.

import { counted } from "../core/format.js";
import { leave } from "./guard.js";
import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";
import { backButton, pageHead } from "./page.js";

/** @import {App, Mount} from "./app.js" */

/** @type {Mount} */
export function mountMove(host, app) {
  const kept = h("div", { class: "actions" });
  host.append(
    backButton(app),
    pageHead("Another address"),
    h(
      "section",
      { class: "panel" },
      h("p", null, "The tracker went away, or its name changed? A browser keeps what it holds by address: at another one Songkeep begins empty there. Nothing is lost. Your music is on your other devices, and so are playlists, stars and plays once they were told."),
      h(
        "ol",
        { class: "steps" },
        h("li", null, h("strong", null, "Write down what is kept here"), h("p", { class: "quiet" }, "It becomes a playlist, which the new device can keep with one tap."), kept),
        h("li", null, h("strong", null, "Open the new address and pair there"), h("p", { class: "quiet" }, "On the computer: Devices, Pair a device. Or: ", h("code", null, "songkeep pair --app https:", "//…"))),
        h("li", null, h("strong", null, "Keep the playlist there"), h("p", { class: "quiet" }, "Its songs are fetched again.")),
        h("li", null, h("strong", null, "Remove this device"), h("p", { class: "quiet" }, "On the computer, in Devices. Or forget it here:"), button({ class: "pill danger" }, () => void forget(app), "Forget this device")),
      ),
    ),
  );
  const ids = [...(app.source.keeping?.kept ?? [])];
  const { playlists } = app.source;
  if (!ids.length || !playlists) return void fill(kept, h("p", { class: "quiet" }, "Nothing is kept here."));
  const write = button({ class: "pill primary" }, async () => {
    write.disabled = true;
    await playlists.create(`Kept on my phone, ${new Date().toLocaleDateString()}`, ids).then(
      ({ name }) => fill(kept, h("p", { role: "status" }, icon("check"), ` “${name}” is made. It is told to a computer when one can be reached.`)),
      (error) => app.tell(error.message),
    );
    write.disabled = false;
  }, `Make a playlist of ${counted(ids.length, "kept song")}`);
  fill(kept, write);
}

/** @param {App} app */
async function forget(app) {
  const why = "Its keys and every song kept here are deleted. Do this when the new one is paired.";
  if (await app.confirm("Forget this device?", why, "Forget")) await leave(app);
}
