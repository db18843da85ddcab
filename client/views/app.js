/** @import {Player} from "../core/player.js" */
/** @import {Route, Place} from "../core/route.js" */
/** @import {Settings} from "../core/settings.js" */
/** @import {Source} from "../core/source.js" */
/** @import {Pages} from "../core/pages.js" */

/**
 * @typedef {object} App  What every view gets: built once, in main.js.
 * @property {Source} source
 * @property {Player} player
 * @property {Settings} settings
 * @property {HTMLElement} scroller  what scrolls under the pages
 * @property {(place: Place, id?: string) => void} go
 * @property {() => void} back  one step back, or home
 * @property {() => void} refreshPage  mount the current page anew
 * @property {typeof import("./messages.js").tell} tell  a short message, seen and heard
 * @property {typeof import("./messages.js").confirm} confirm
 * @property {typeof import("./messages.js").ask} ask
 * @property {(text: string) => void} announce  heard only
 * @property {<T>(key: string, make: () => Pages<T>) => Pages<T>} pages  the same list again when its view comes back
 */

/**
 * @typedef {(host: HTMLElement, app: App, route: Route, signal: AbortSignal) => void} Mount
 *   Fills `host`; everything it starts ends when the signal aborts.
 */

export {};
