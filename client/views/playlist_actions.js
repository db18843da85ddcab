// Putting songs on playlists, and making, naming and deleting them.

import { counted } from "../core/format.js";
import { keepPlaylistAction } from "./keeping.js";
import { openMenu } from "./menu.js";

/** @import {Playlist, Track} from "../core/model.js" */
/** @import {App} from "./app.js" */
/** @import {Action} from "./menu.js" */

/** More than these are not offered in a menu. */
const OFFERED = 100;

/**
 * Ask which playlist some songs go on, and put them there.
 * @param {App} app
 * @param {() => Promise<readonly Track[]>} tracks
 * @param {string} what  for the message
 * @param {{x: number, y: number} | Element} where
 */
export async function choosePlaylist(app, tracks, what, where) {
  const { playlists } = app.source;
  if (!playlists) return;
  try {
    const known = await playlists.all();
    /** @param {Playlist} playlist */
    const into = (playlist) => ({
      icon: /** @type {const} */ ("playlist"),
      label: playlist.name,
      run: () =>
        void tracks()
          .then((some) => playlists.append(playlist.id, some.map(({ id }) => id)))
          .then(
            () => app.tell(`${what.charAt(0).toUpperCase()}${what.slice(1)} added to “${playlist.name}”.`),
            (error) => app.tell(error.message),
          ),
    });
    openMenu(
      `Add ${what} to`,
      [
        { icon: "plus", label: "New playlist…", run: () => void tracks().then((some) => makePlaylist(app, some), (error) => app.tell(error.message)) },
        ...known.slice(0, OFFERED).map(into),
      ],
      where,
    );
  } catch (error) {
    app.tell(error instanceof Error ? error.message : "That didn’t work.");
  }
}

/**
 * Ask for a name, make a playlist and open it, unless songs were put on it from elsewhere.
 * @param {App} app
 * @param {readonly Track[]} [tracks]
 */
export async function makePlaylist(app, tracks = []) {
  const name = await app.ask("New playlist", tracks.length ? `With ${counted(tracks.length, "song")}.` : "Add songs from their menu.", {
    yes: "Create",
    placeholder: "Name",
  });
  if (!name) return;
  try {
    const made = await app.source.playlists?.create(name, tracks.map(({ id }) => id));
    if (!made) return;
    if (tracks.length) app.tell(`“${name}” is made.`, { label: "Open", run: () => app.go("playlist", made.id) });
    else app.go("playlist", made.id);
  } catch (error) {
    app.tell(error instanceof Error ? error.message : "That didn’t work.");
  }
}

/**
 * @param {App} app
 * @param {Playlist} playlist
 * @param {{x: number, y: number} | Element} where
 * @param {() => void} [deleted]
 */
export function openPlaylistMenu(app, playlist, where, deleted = () => {}) {
  const { playlists } = app.source;
  /** @param {(tracks: Track[]) => void} use */
  const withTracks = (use) => () =>
    void playlists?.get(playlist.id).then(
      ({ items }) => use(items),
      (error) => app.tell(error.message),
    );
  /** @type {Action[]} */
  const actions = [
    { icon: "play", label: "Play", run: withTracks((tracks) => app.player.playAll(tracks, 0, { shuffle: false })) },
    { icon: "shuffle", label: "Shuffle", run: withTracks((tracks) => app.player.playAll(tracks, 0, { shuffle: true })) },
    { icon: "next", label: "Play next", run: withTracks((tracks) => app.player.playNext(tracks)) },
    { icon: "queue", label: "Add to queue", run: withTracks((tracks) => app.player.playLast(tracks)) },
  ];
  actions.push(...keepPlaylistAction(app, playlist));
  if (app.source.can.has("edit_playlists"))
    actions.push(
      { icon: "pencil", label: "Rename…", run: () => void rename(app, playlist) },
      { icon: "bin", label: "Delete", run: () => void remove(app, playlist, deleted) },
    );
  openMenu(playlist.name, actions, where);
}

/**
 * @param {App} app
 * @param {Playlist} playlist
 */
async function rename(app, playlist) {
  const name = await app.ask("Rename playlist", "The new name shows on all your devices.", { yes: "Rename", value: playlist.name });
  if (!name || name === playlist.name) return;
  await app.source.playlists?.rename(playlist.id, name).catch((error) => app.tell(error.message));
}

/**
 * Deleted at once; what is needed to make it again is held until the message is gone.
 * @param {App} app
 * @param {Playlist} playlist
 * @param {() => void} deleted
 */
async function remove(app, playlist, deleted) {
  const { playlists } = app.source;
  if (!playlists) return;
  try {
    const { name, comment, items } = await playlists.get(playlist.id);
    await playlists.remove(playlist.id);
    deleted();
    const again = () =>
      void playlists.create(name, items.map(({ id }) => id), comment).then(
        () => app.tell(`“${name}” is back.`),
        (error) => app.tell(error.message),
      );
    app.tell(`“${name}” deleted. Its songs stay in your library.`, { label: "Undo", run: again });
  } catch (error) {
    app.tell(error instanceof Error ? error.message : "That didn’t work.");
  }
}
