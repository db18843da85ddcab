"""The server itself: what it can, who asks, how its scan goes."""

from __future__ import annotations

from node.faces.subsonic.asked import MUSIC_FOLDER, Asked
from node.faces.subsonic.protocol import EXTENSIONS, NOT_ALLOWED, Failure, Tree


def ping(asked: Asked) -> Tree:
    return {}


def get_license(asked: Asked) -> Tree:
    """Apps that ask want to hear that nothing has to be paid."""
    return {"license": {"valid": True}}


def extensions() -> Tree:
    """The one answer that needs no sign-in."""
    return {"openSubsonicExtensions": [{"name": name, "versions": versions} for name, versions in EXTENSIONS.items()]}


def token_info(asked: Asked) -> Tree:
    return {"tokenInfo": {"username": asked.user}}


def get_user(asked: Asked) -> Tree:
    if asked.text_or("username", asked.user) != asked.user:
        raise Failure(NOT_ALLOWED, "this library is one person's: there are no other users")
    return {"user": _user(asked.user)}


def get_users(asked: Asked) -> Tree:
    return {"users": {"user": [_user(asked.user)]}}


def get_scan_status(asked: Asked) -> Tree:
    count = asked.parts.library.summary()["counts"]["tracks"]
    return {"scanStatus": {"scanning": asked.state.scanning, "count": count}}


def _user(name: str) -> Tree:
    """One person with one library: an app may do what the person does with music, and nothing to the node."""
    return {
        "username": name,
        "scrobblingEnabled": True,
        "adminRole": False,
        "settingsRole": False,
        "downloadRole": True,
        "uploadRole": False,
        "playlistRole": True,
        "coverArtRole": False,
        "commentRole": False,
        "podcastRole": False,
        "streamRole": True,
        "jukeboxRole": False,
        "shareRole": False,
        "videoConversionRole": False,
        "folder": [MUSIC_FOLDER],
    }
