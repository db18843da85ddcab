"""Every endpoint by its name, and what answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from node.faces.subsonic import browsing, lists, marks, media, places, playlists, scan, system, words
from node.faces.subsonic.absent import empty, not_allowed, not_found
from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import Tree

Question = Callable[[Asked], Tree]
"""Answered in a thread."""
Live = Callable[[web.Request, Asked], Awaitable[Tree | web.StreamResponse]]
"""Answered on the event loop: sends bytes, or starts something."""

OPEN: Final[Mapping[str, Callable[[], Tree]]] = {"getOpenSubsonicExtensions": system.extensions}
"""What needs no sign-in."""

LIVE: Final[Mapping[str, Live]] = {
    "stream": media.stream,
    "download": media.download,
    "getCoverArt": media.get_cover_art,
    "getAvatar": media.get_avatar,
    "getLyrics": words.get_lyrics,
    "getLyricsBySongId": words.get_lyrics_by_song_id,
    "startScan": scan.start_scan,
}

QUESTIONS: Final[Mapping[str, Question]] = {
    # The server
    "ping": system.ping,
    "getLicense": system.get_license,
    "tokenInfo": system.token_info,
    "getScanStatus": system.get_scan_status,
    "getUser": system.get_user,
    "getUsers": system.get_users,
    # Browsing
    "getMusicFolders": browsing.get_music_folders,
    "getIndexes": browsing.get_indexes,
    "getMusicDirectory": browsing.get_music_directory,
    "getGenres": browsing.get_genres,
    "getArtists": browsing.get_artists,
    "getArtist": browsing.get_artist,
    "getAlbum": browsing.get_album,
    "getSong": browsing.get_song,
    "getArtistInfo": browsing.get_artist_info,
    "getArtistInfo2": browsing.get_artist_info2,
    "getAlbumInfo": browsing.get_album_info,
    "getAlbumInfo2": browsing.get_album_info,
    "getSimilarSongs": browsing.get_similar_songs,
    "getSimilarSongs2": browsing.get_similar_songs2,
    "getTopSongs": browsing.get_top_songs,
    # Lists
    "getAlbumList": lists.get_album_list,
    "getAlbumList2": lists.get_album_list2,
    "getRandomSongs": lists.get_random_songs,
    "getSongsByGenre": lists.get_songs_by_genre,
    "getNowPlaying": lists.get_now_playing,
    "getStarred": lists.get_starred,
    "getStarred2": lists.get_starred2,
    "search": lists.search,
    "search2": lists.search2,
    "search3": lists.search3,
    # What the person does
    "star": marks.star,
    "unstar": marks.unstar,
    "setRating": marks.set_rating,
    "scrobble": marks.scrobble,
    "getPlaylists": playlists.get_playlists,
    "getPlaylist": playlists.get_playlist,
    "createPlaylist": playlists.create_playlist,
    "updatePlaylist": playlists.update_playlist,
    "deletePlaylist": playlists.delete_playlist,
    "getBookmarks": places.get_bookmarks,
    "createBookmark": places.create_bookmark,
    "deleteBookmark": places.delete_bookmark,
    "getPlayQueue": places.get_play_queue,
    "savePlayQueue": places.save_play_queue,
    "getPlayQueueByIndex": places.get_play_queue_by_index,
    "savePlayQueueByIndex": places.save_play_queue_by_index,
    # What there is none of
    "getShares": empty("shares", "share"),
    "createShare": not_allowed("shares: songs never pass between people"),
    "updateShare": not_allowed("shares"),
    "deleteShare": not_allowed("shares"),
    "getPodcasts": empty("podcasts", "channel"),
    "getNewestPodcasts": empty("newestPodcasts", "episode"),
    "getPodcastEpisode": not_found("podcasts"),
    "refreshPodcasts": not_allowed("podcasts"),
    "createPodcastChannel": not_allowed("podcasts"),
    "deletePodcastChannel": not_allowed("podcasts"),
    "deletePodcastEpisode": not_allowed("podcasts"),
    "downloadPodcastEpisode": not_allowed("podcasts"),
    "jukeboxControl": not_allowed("jukebox"),
    "getInternetRadioStations": empty("internetRadioStations", "internetRadioStation"),
    "createInternetRadioStation": not_allowed("radio stations"),
    "updateInternetRadioStation": not_allowed("radio stations"),
    "deleteInternetRadioStation": not_allowed("radio stations"),
    "getChatMessages": empty("chatMessages", "chatMessage"),
    "addChatMessage": not_allowed("chat"),
    "getVideos": empty("videos", "video"),
    "getVideoInfo": not_found("videos"),
    "getCaptions": not_found("videos"),
    "hls": not_found("video streams"),
    "createUser": not_allowed("other users: a library is one person's"),
    "updateUser": not_allowed("other users"),
    "deleteUser": not_allowed("other users"),
    "changePassword": not_allowed("passwords that an app could change: 'songkeep app-password' makes and revokes them"),
}

NAMES: Final = frozenset({*OPEN, *LIVE, *QUESTIONS})
