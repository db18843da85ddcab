// What can be done with a song, an album or an artist, wherever it stands.

import { keepAction, keepAlbumAction } from "./keeping.js";
import { openMenu } from "./menu.js";
import { rateAction, starAction } from "./star.js";

/** @import {Album, Track} from "../core/model.js" */
/** @import {App} from "./app.js" */
/** @import {Action} from "./menu.js" */

/**
 * @param {App} app
 * @param {readonly Track[]} tracks
 * @param {string} what  for the message
 * @returns {Action[]}
 */
const queueing = (app, tracks, what) => [
  {
    icon: "next",
    label: "Play next",
    run: () => {
      app.player.playNext(tracks);
      app.tell(`${what} plays next.`);
    },
  },
  {
    icon: "queue",
    label: "Add to queue",
    run: () => {
      app.player.playLast(tracks);
      app.tell(`${what} added to the queue.`);
    },
  },
];

/**
 * The line in a menu; [] where playlists can't be changed.
 * @param {App} app
 * @param {() => Promise<readonly Track[]>} tracks
 * @param {string} what  for the message
 * @param {{x: number, y: number} | Element} where
 * @returns {Action[]}
 */
export function playlistAction(app, tracks, what, where) {
  if (!app.source.can.has("edit_playlists")) return [];
  const run = () => void import("./playlist_actions.js").then(({ choosePlaylist }) => choosePlaylist(app, tracks, what, where));
  return [{ icon: "playlist", label: "Add to playlist…", run }];
}

/**
 * @param {App} app
 * @param {Track} track
 * @param {{x: number, y: number} | Element} where
 * @param {Action[]} [own]  of the list it stands in
 */
export function openTrackMenu(app, track, where, own = []) {
  const { album, artists } = track;
  /** @type {Action[]} */
  const actions = [
    ...queueing(app, [track], `“${track.title}”`),
    ...playlistAction(app, async () => [track], `“${track.title}”`, where),
    ...own,
  ];
  actions.push(...starAction(app, "tracks", track), ...rateAction(app, "tracks", track), ...keepAction(app, track));
  if (app.source.can.has("plays") && app.settings.get("for_you"))
    actions.push({ icon: "starred", label: "Similar songs", run: () => app.go("for-you", track.id) });
  if (album) actions.push({ icon: "albums", label: "Go to album", run: () => app.go("album", album.id) });
  for (const artist of artists.slice(0, 3)) {
    const label = artists.length > 1 ? `Go to ${artist.name}` : "Go to artist";
    actions.push({ icon: "artists", label, run: () => app.go("artist", artist.id) });
  }
  actions.push({
    icon: "info",
    label: "Details",
    run: () => void import("./track_details.js").then(({ openTrackDetails }) => openTrackDetails(app, track)),
  });
  if (app.source.can.has("hide"))
    actions.push({ icon: "close", label: "Remove from library", run: () => void hide(app, track) });
  openMenu(track.title, actions, where);
}

/**
 * The same for a song of the queue, which may have been put there long ago.
 * @param {App} app
 * @param {Track} track
 * @param {{x: number, y: number} | Element} where
 * @param {Action[]} [own]
 */
export async function openFreshTrackMenu(app, track, where, own = []) {
  openTrackMenu(app, await app.source.track(track.id).catch(() => track), where, own);
}

/**
 * @param {App} app
 * @param {Track} track
 */
async function hide(app, track) {
  if (
    !(await app.confirm(
      `Remove “${track.title}”?`,
      "It leaves the library for good. The file on your disk is not touched.",
      "Remove",
    ))
  )
    return;
  try {
    await app.source.hideTrack(track.id);
    app.tell(`“${track.title}” removed from the library.`);
  } catch (error) {
    app.tell(error instanceof Error ? error.message : "That didn’t work.");
  }
}

/**
 * @param {App} app
 * @param {Pick<Album, "id" | "name" | "artists" | "starred_ms" | "rating">} album
 * @param {{x: number, y: number} | Element} where
 */
export function openAlbumMenu(app, album, where) {
  /** @param {(tracks: Track[]) => void} use */
  const withTracks = (use) => () =>
    app.source.album(album.id).then(
      ({ tracks }) => use(tracks),
      (error) => app.tell(error.message),
    );
  /** @param {number} index */
  const queue = (index) => withTracks((tracks) => queueing(app, tracks, `“${album.name}”`)[index].run());
  openMenu(
    album.name,
    [
      { icon: "play", label: "Play", run: withTracks((tracks) => app.player.playAll(tracks, 0, { shuffle: false })) },
      {
        icon: "shuffle",
        label: "Shuffle",
        run: withTracks((tracks) => app.player.playAll(tracks, 0, { shuffle: true })),
      },
      { icon: "next", label: "Play next", run: queue(0) },
      { icon: "queue", label: "Add to queue", run: queue(1) },
      ...playlistAction(app, async () => (await app.source.album(album.id)).tracks, `“${album.name}”`, where),
      ...starAction(app, "albums", album),
      ...rateAction(app, "albums", album),
      ...keepAlbumAction(app, album),
      ...album.artists.slice(0, 2).map((artist) => ({
        icon: /** @type {const} */ ("artists"),
        label: album.artists.length > 1 ? `Go to ${artist.name}` : "Go to artist",
        run: () => app.go("artist", artist.id),
      })),
    ],
    where,
  );
}
