// What a web player does, by the npm package subsonic-api: node client.mjs ADDRESS PASSWORD
import SubsonicAPI from "subsonic-api";

const [url, password] = process.argv.slice(2);
const auth = { username: "me", password };
const apis = [
  new SubsonicAPI({ url, auth }),
  new SubsonicAPI({ url, auth, post: true }),
  new SubsonicAPI({ url, auth: { apiKey: password } }),
];
const types = [];
for (const api of apis) types.push((await api.ping()).type);

const api = apis[1];
const found = await api.search3({ query: "glass" });
const songs = found.searchResult3.song;
await api.star({ id: songs[0].id });
const starred = (await api.getStarred2()).starred2.song.map((song) => song.id);
await api.unstar({ id: songs[0].id });
const made = await api.createPlaylist({ name: "npm", songId: [songs[0].id, songs[1].id] });
const playlist = await api.getPlaylist({ id: made.playlist.id });
await api.deletePlaylist({ id: made.playlist.id });
const sound = await (await apis[0].stream({ id: songs[0].id })).arrayBuffer();
const album = await api.getAlbum({ id: songs[0].albumId });
const wrong = await new SubsonicAPI({ url, auth: { username: "me", password: "wrong" } }).getLicense();

console.log(
  JSON.stringify({
    types,
    titles: songs.map((song) => song.title),
    song: songs[0].id,
    starred,
    playlist: playlist.playlist.entry.map((song) => song.title),
    bytes: sound.byteLength,
    size: songs[0].size,
    created: album.album.created.constructor.name,
    wrong: wrong.error.code,
  }),
);
