// The app's pictograms, drawn on a 24 by 24 grid. Kept in code: no request, and the colour is the text's.

/** @typedef {keyof typeof PATHS} IconName */

/** Strokes begin with "~", the others are filled. */
const PATHS = {
  play: "M8 5.3v13.4c0 .8.9 1.3 1.6.8l10.2-6.7c.6-.4.6-1.3 0-1.7L9.6 4.5C8.9 4 8 4.5 8 5.3z",
  pause:
    "M7.5 4.5h2.5c.6 0 1 .4 1 1v13c0 .6-.4 1-1 1H7.5c-.6 0-1-.4-1-1v-13c0-.6.4-1 1-1zM14 4.5h2.5c.6 0 1 .4 1 1v13c0 .6-.4 1-1 1H14c-.6 0-1-.4-1-1v-13c0-.6.4-1 1-1z",
  next: "M5 6v12c0 .8.9 1.3 1.6.8L15 13v5c0 .6.4 1 1 1h1c.6 0 1-.4 1-1V6c0-.6-.4-1-1-1h-1c-.6 0-1 .4-1 1v5L6.6 5.2C5.9 4.7 5 5.2 5 6z",
  previous:
    "M19 6v12c0 .8-.9 1.3-1.6.8L9 13v5c0 .6-.4 1-1 1H7c-.6 0-1-.4-1-1V6c0-.6.4-1 1-1h1c.6 0 1 .4 1 1v5l8.4-5.8c.7-.5 1.6 0 1.6.8z",
  shuffle:
    "~M3 7h3.5c1.5 0 2.9.7 3.8 2l3.4 6c.9 1.3 2.3 2 3.8 2H21M18 14l3 3-3 3M3 17h3.5c1.5 0 2.9-.7 3.8-2M13.7 9c.9-1.3 2.3-2 3.8-2H21M18 4l3 3-3 3",
  repeat: "~M4 11V9.5A3.5 3.5 0 0 1 7.5 6H20M17 3l3 3-3 3M20 13v1.5a3.5 3.5 0 0 1-3.5 3.5H4M7 21l-3-3 3-3",
  volume: "~M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18.3 6.2a8.2 8.2 0 0 1 0 11.6",
  muted: "~M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  home: "~M4 20V10.5L12 4l8 6.5V20h-5.5v-5.5h-5V20z",
  library: "~M5 4v16M9.5 4v16M13.5 4.6l2.4-.6 4 15.4-2.4.6z",
  search: "~M10.5 17.5a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM15.6 15.6 21 21",
  locker: "~M5 20.5V4h2.8v2.5h2.8V4h2.8v2.5h2.8V4H19v16.5zM9.5 20.5V16a2.5 2.5 0 0 1 5 0v4.5",
  albums: "~M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 14.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  artists: "~M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.6-3.6 3.6-5.5 7.5-5.5s6.9 1.9 7.5 5.5",
  songs:
    "~M9 17.5V5.5l10-2v12M6.5 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM16.5 18a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  genres: "~M4 4h7l9 9-7 7-9-9zM8 8h.01",
  queue: "~M4 6h16M4 11h10M4 16h7M15 14.5v6l5-3z",
  lyrics: "~M4 5h16v11.5H11L6.5 20v-3.5H4zM8 9h8M8 12.5h5",
  more: "M5.5 13.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2zM12 13.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2zM18.5 13.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2z",
  close: "~M6 6l12 12M18 6 6 18",
  down: "~M5 9l7 7 7-7",
  back: "~M15 5l-7 7 7 7",
  forward: "~M9 5l7 7-7 7",
  plus: "~M12 5v14M5 12h14",
  grip: "~M5 9h14M5 15h14",
  settings:
    "~M4 7h9M17 7h3M4 17h3M11 17h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  folder: "~M3.5 18.5v-12h6l2 2.5h9v9.5z",
  devices: "~M3 5h13v9H3zM1.5 17.5H14M17 10h5v9.5h-5z",
  star: "~M12 3.6l2.6 5.3 5.8.8-4.2 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8-4.2-4.1 5.8-.8z",
  starred: "M12 2.6c.4 0 .7.2.9.5l2.5 5 5.5.8c.9.1 1.2 1.1.6 1.7l-4 3.9.9 5.5c.2.8-.7 1.5-1.4 1.1L12 18.5l-5 2.6c-.7.4-1.6-.3-1.4-1.1l.9-5.5-4-3.9c-.6-.6-.3-1.6.6-1.7l5.5-.8 2.5-5c.2-.3.5-.5.9-.5z",
  playlist: "~M4 6h12M4 11h12M4 16h7M18 20v-6M15 17h6",
  history: "~M4.5 9A8.5 8.5 0 1 1 3.6 13M4 4.5V9h4.5M12 7.5V12l3 2",
  phone: "~M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM11 18h2",
  pencil: "~M4.5 19.5l1-4L16 5l3 3L8.5 18.5z",
  bin: "~M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 10.5v5.5M13.5 10.5v5.5",
  key: "~M8 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 12h9v3.5M17.5 12v2.5",
  check: "~M4.5 12.5l5 5 10-11",
  warning: "~M12 4 2.8 20h18.4zM12 10v4.5M12 17.3v.1",
  away: "~M7 18.5h9.5a4 4 0 0 0 .6-7.95A6 6 0 0 0 5.6 10.7 4 4 0 0 0 7 18.5zM4 4l16 17",
  keyboard: "~M2.5 6.5h19v11h-19zM6 10h.01M10 10h.01M14 10h.01M18 10h.01M7.5 14h9",
  info: "~M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.5v.1",
  sort: "~M7 5v14M4 16l3 3 3-3M13 6h8M13 11h6M13 16h4",
  sun: "~M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
};

const SVG = "http://www.w3.org/2000/svg";

/**
 * Decoration only: the control that shows it carries the words.
 * @param {IconName} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "path"));
  setIcon(svg, name);
  return svg;
}

/**
 * @param {SVGElement} svg  one that `icon` made
 * @param {IconName} name
 */
export function setIcon(svg, name) {
  if (svg.dataset.icon === name) return;
  svg.dataset.icon = name;
  const path = PATHS[name];
  const stroked = path.startsWith("~");
  svg.classList.toggle("stroked", stroked);
  svg.firstElementChild?.setAttribute("d", stroked ? path.slice(1) : path);
}
