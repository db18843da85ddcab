"""Playlists, as apps make and change them."""

from __future__ import annotations

from node.faces.subsonic import shapes
from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import MISSING_PARAMETER, NOT_ALLOWED, Failure, Tree


def get_playlists(asked: Asked) -> Tree:
    if asked.text_or("username", asked.user) != asked.user:
        raise Failure(NOT_ALLOWED, "this library is one person's: there are no others' playlists")
    return {
        "playlists": {"playlist": [shapes.playlist(row, asked.user) for row in asked.parts.library.playlists.all()]}
    }


def get_playlist(asked: Asked) -> Tree:
    return _whole(asked, asked.text("id"))


def create_playlist(asked: Asked) -> Tree:
    """A new one, or with playlistId other songs for one that there is."""
    playlists = asked.parts.library.playlists
    songs = asked.texts("songId")
    existing = asked.text_or("playlistId")
    if existing:
        playlists.replace(existing, songs)
        if name := asked.text_or("name"):
            playlists.edit(existing, name=name)
        return _whole(asked, existing)
    name = asked.text_or("name")
    if not name:
        raise Failure(MISSING_PARAMETER, "a new playlist needs a name")
    return _whole(asked, playlists.create(name, songs))


def update_playlist(asked: Asked) -> Tree:
    """Places that don't exist are passed over, as those of other servers are. `public` has no meaning here."""
    given = asked.parameters.get("comment")
    asked.parts.library.playlists.edit(
        asked.text("playlistId"),
        name=asked.text_or("name") or None,
        comment=given[0] if given else None,
        remove=frozenset(asked.numbers("songIndexToRemove")),
        add=asked.texts("songIdToAdd"),
    )
    return {}


def delete_playlist(asked: Asked) -> Tree:
    asked.parts.library.playlists.delete(asked.text("id"))
    return {}


def _whole(asked: Asked, playlist_id: str) -> Tree:
    row, songs = asked.parts.library.browse.playlist(playlist_id)
    return {"playlist": {**shapes.playlist(row, asked.user), "entry": [shapes.song(song) for song in songs]}}
