// Keeping music on this device: the lines in the menus of songs and albums.

/** @import {Album, Playlist, Track} from "../core/model.js" */
/** @import {App} from "./app.js" */
/** @import {Action} from "./menu.js" */

/**
 * @param {App} app
 * @param {readonly Track[]} tracks
 * @param {string} what  for the message
 * @param {boolean} on
 */
function set(app, tracks, what, on) {
  app.source.keeping
    ?.set(
      tracks.map(({ id }) => id),
      on,
    )
    .then(
      () => app.tell(on ? `${what} will be kept on this device.` : `${what} is no longer kept here.`),
      () => app.tell("This device did not take it. Is its storage full?"),
    );
}

/**
 * A song's line in its menu; [] where nothing can be kept.
 * @param {App} app
 * @param {Track} track
 * @returns {Action[]}
 */
export function keepAction(app, track) {
  const { keeping } = app.source;
  if (!keeping) return [];
  const on = !keeping.kept.has(track.id);
  return [
    {
      icon: "locker",
      label: on ? "Keep on this device" : "Don’t keep on this device",
      run: () => set(app, [track], `“${track.title}”`, on),
    },
  ];
}

/**
 * An album's line in its menu.
 * @param {App} app
 * @param {Pick<Album, "id" | "name">} album
 * @returns {Action[]}
 */
export function keepAlbumAction(app, { id, name }) {
  return app.source.keeping ? keepAllAction(app, name, async () => (await app.source.album(id)).tracks) : keepHereActions(app, "album", id, name);
}

/**
 * A playlist's lines in its menu.
 * @param {App} app
 * @param {Pick<Playlist, "id" | "name">} playlist
 * @returns {Action[]}
 */
export function keepPlaylistAction(app, { id, name }) {
  return app.source.keeping
    ? keepAllAction(app, name, async () => (await app.source.playlists?.get(id))?.items ?? [])
    : keepHereActions(app, "playlist", id, name);
}

/**
 * One line for all of some songs; [] where nothing can be kept.
 * @param {App} app
 * @param {string} name  of what they are
 * @param {() => Promise<readonly Track[]>} load
 * @returns {Action[]}
 */
export function keepAllAction(app, name, load) {
  const { keeping } = app.source;
  if (!keeping) return [];
  const run = async () => {
    const tracks = await load();
    if (!tracks.every((track) => keeping.kept.has(track.id))) return set(app, tracks, `“${name}”`, true);
    if (await app.confirm(`Let “${name}” go?`, "It is kept on this device. It stays in your library.", "Don’t keep"))
      set(app, tracks, `“${name}”`, false);
  };
  return [
    { icon: "locker", label: "Keep on this device", run: () => void run().catch((error) => app.tell(error.message)) },
  ];
}

/**
 * The lines of an album or a playlist on a computer: what is kept is fetched, what is freed must be proved elsewhere.
 * @param {App} app
 * @param {"album" | "playlist"} kind
 * @param {string} id
 * @param {string} name
 * @returns {Action[]}
 */
export function keepHereActions(app, kind, id, name) {
  const { copies } = app.source;
  if (!copies) return [];
  const failed = (/** @type {Error} */ error) => app.tell(error.message);
  const free = async () => {
    if (!(await app.confirm(`Free the space of “${name}”?`, "It stays in your library. Only what other devices have just proved to keep sealed is let go here.", "Free up")))
      return;
    const [freed, { freedText }] = await Promise.all([copies.free(kind, id), import("../core/whereabouts.js")]);
    app.tell(freedText(freed));
  };
  return [
    {
      icon: "locker",
      label: "Keep on this device",
      run: () => void copies.keep(kind, id).then(() => app.tell(`“${name}” will be kept on this device.`), failed),
    },
    { icon: "away", label: "Free its space here…", run: () => void free().catch(failed) },
  ];
}
