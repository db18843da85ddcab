/** @import {Settings} from "../core/settings.js" */

/**
 * Keep the page in the chosen theme, or in the system's.
 * @param {Settings} settings
 */
export function followTheme(settings) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const choice = settings.get("theme");
    const theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.theme = theme;
    const ground = getComputedStyle(document.documentElement).getPropertyValue("--ground").trim();
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) meta.setAttribute("content", ground);
  };
  dark.addEventListener("change", apply);
  settings.changed.on((name) => name === "theme" && apply());
  apply();
}
