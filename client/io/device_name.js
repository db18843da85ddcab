// What this device is called among the others, guessed from what the browser says of itself.

/** @type {[RegExp, string][]} */
const DEVICES = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android.*Mobile/, "Android phone"],
  [/Android/, "Android tablet"],
  [/Macintosh/, "Mac"],
  [/Windows/, "Windows PC"],
  [/CrOS/, "Chromebook"],
  [/Linux/, "Linux PC"],
];
/** @type {[RegExp, string][]} */
const BROWSERS = [
  [/Edg\//, "Edge"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
];

/** @param {string} [agent] */
export function deviceName(agent = navigator.userAgent) {
  const device = DEVICES.find(([pattern]) => pattern.test(agent))?.[1] ?? "Browser";
  const browser = BROWSERS.find(([pattern]) => pattern.test(agent))?.[1];
  return browser ? `${device} (${browser})` : device;
}

/** Whether this is iOS's browser, and not what was put on its home screen: the two share no storage. */
export function mustInstallFirst() {
  const { standalone } = /** @type {{standalone?: boolean}} */ (navigator);
  // An iPad says that it is a Mac, but one with a touch screen.
  const ios = /iPhone|iPad/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  return ios && standalone !== true && !matchMedia("(display-mode: standalone)").matches;
}
