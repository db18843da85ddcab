"""From a container's own names to `Tags`: one table of names, and one way from there. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final

from node.catalog.model import Tags
from node.doors.tags import text
from node.doors.tags.facts import MAX_LYRICS_CHARS

MAX_FIELDS = 2_000
"""Of one file; what comes after is not looked at."""

# Names are compared in lower case and without blanks and punctuation, so that one row serves
# "MusicBrainz Album Id" (ID3, MP4), MUSICBRAINZ_ALBUMID (Vorbis) and MusicBrainz/Album Id (ASF).
_NAMES: Final[dict[str, str]] = {
    name: field
    for field, names in {
        "title": "title wmtitle",
        "artist": "artist author",
        "artists": "artists wmartists",
        "album": "album wmalbumtitle",
        "album_artist": "albumartist wmalbumartist ensemble",
        "album_artists": "albumartists",
        "genre": "genre wmgenre",
        "composer": "composer wmcomposer",
        "track": "tracknumber track wmtracknumber",
        "track_total": "tracktotal totaltracks trackc",
        "disc": "discnumber disc disk wmpartofset",
        "disc_total": "disctotal totaldiscs discc",
        "disc_subtitle": "discsubtitle setsubtitle wmsetsubtitle",
        "date": "date year releasedate wmyear",
        "original_date": "originaldate originalyear originalreleasedate wmoriginalreleasetime wmoriginalreleaseyear",
        "compilation": "compilation itunescompilation wmiscompilation",
        "title_sort": "titlesort titlesortorder wmtitlesortorder",
        "artist_sort": "artistsort artistsortorder wmartistsortorder",
        "album_sort": "albumsort albumsortorder wmalbumsortorder",
        "album_artist_sort": "albumartistsort albumartistsortorder wmalbumartistsortorder",
        "bpm": "bpm tempo wmbeatsperminute",
        "isrc": "isrc wmisrc",
        "mood": "mood wmmood",
        "comment": "comment description",
        "release_type": "releasetype musicbrainzalbumtype musicbrainzreleasetype",
        "advisory": "itunesadvisory",
        "lyrics": "lyrics unsyncedlyrics wmlyrics",
        "synced_lyrics": "syncedlyrics",
        "track_gain": "replaygaintrackgain",
        "track_peak": "replaygaintrackpeak",
        "album_gain": "replaygainalbumgain",
        "album_peak": "replaygainalbumpeak",
        "r128_track_gain": "r128trackgain",
        "r128_album_gain": "r128albumgain",
        # What Vorbis calls the track's id has always been the recording's (picard.musicbrainz.org, "Tag mapping").
        "mb:recording": "musicbrainztrackid musicbrainzrecordingid",
        "mb:track": "musicbrainzreleasetrackid",
        "mb:release": "musicbrainzalbumid musicbrainzreleaseid",
        "mb:release_group": "musicbrainzreleasegroupid",
        "mb:artist": "musicbrainzartistid",
        "mb:album_artist": "musicbrainzalbumartistid",
        "mb:work": "musicbrainzworkid",
    }.items()
    for name in names.split()
}

_DROPPED = str.maketrans("", "", " _-/:.")


@functools.lru_cache(maxsize=4_096)
def _field_of(name: str) -> str | None:
    return _NAMES.get(name.lower().translate(_DROPPED))


class Fields:
    """What was found in one file, by our names, in the order found."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._count = 0

    def add(self, field: str, values: Iterable[str]) -> None:
        """Add values under one of our own field names."""
        kept = self._found.setdefault(field, [])
        for value in values:
            if self._count >= MAX_FIELDS or len(kept) >= text.MAX_VALUES:
                return
            if value:
                kept.append(value)
                self._count += 1

    def add_named(self, name: str, values: Iterable[str]) -> None:
        """Add values under a name that a container has; names that nobody knows are passed over."""
        field = _field_of(name[:100])
        if field is not None:
            self.add(field, values)

    def fill(self, other: Fields) -> None:
        """Take from `other` the fields that are missing here."""
        for field, values in other._found.items():
            if not self._found.get(field):
                self.add(field, values)

    def first(self, field: str) -> str:
        """The first value of `field`, '' if there is none."""
        values = self._found.get(field)
        return values[0] if values else ""

    def all(self, field: str) -> list[str]:
        """Every value of `field`."""
        return self._found.get(field, [])

    def lyrics(self) -> str:
        """The words, with times if the file has them."""
        words = self.first("synced_lyrics") or self.first("lyrics")
        return text.clean_lines(words, max_chars=MAX_LYRICS_CHARS)

    def tags(self) -> Tags:
        """All of it in the catalog's shape."""
        first, every = self.first, self.all
        track_no, track_total = text.number_pair(first("track"))
        disc_no, disc_total = text.number_pair(first("disc"))
        return Tags(
            title=text.clean(first("title")),
            artists=self._people("artist", "artists"),
            album=text.clean(first("album")),
            album_artists=self._people("album_artist", "album_artists"),
            genres=text.several(every("genre")),
            composers=text.several(every("composer")),
            track_no=track_no,
            track_total=track_total or text.number_pair(first("track_total"))[0],
            disc_no=disc_no,
            disc_total=disc_total or text.number_pair(first("disc_total"))[0],
            disc_subtitle=text.clean(first("disc_subtitle")),
            date=_best_date(every("date")),
            original_date=_best_date(every("original_date")),
            compilation=text.is_yes(first("compilation")),
            title_sort=text.clean(first("title_sort")),
            artist_sort=text.clean(first("artist_sort")),
            album_sort=text.clean(first("album_sort")),
            album_artist_sort=text.clean(first("album_artist_sort")),
            bpm=text.bpm(first("bpm")),
            isrc=text.isrc(first("isrc")),
            moods=text.several(every("mood")),
            comment=text.clean_lines(first("comment"), max_chars=text.MAX_COMMENT_CHARS),
            musicbrainz=self._musicbrainz(),
            track_gain_db=self._gain("track"),
            track_peak=text.peak(first("track_peak")),
            album_gain_db=self._gain("album"),
            album_peak=text.peak(first("album_peak")),
            release_types=tuple(kind.lower() for kind in text.several(every("release_type"))),
            explicit={"1": True, "4": True, "2": False}.get(first("advisory").strip()),
        )

    def _people(self, shown: str, listed: str) -> tuple[str, ...]:
        # ARTISTS names each artist by itself, so nothing there needs to be guessed apart.
        names = text.several(self.all(listed), split=False)
        if len(names) > 1:
            return names
        return text.several(self.all(shown) or names)

    def _gain(self, of: str) -> float | None:
        gain = text.gain_db(self.first(f"{of}_gain"))
        return gain if gain is not None else text.r128_gain_db(self.first(f"r128_{of}_gain"))

    def _musicbrainz(self) -> tuple[tuple[str, str], ...]:
        pairs = {
            (field[3:], code)
            for field, values in self._found.items()
            if field.startswith("mb:")
            for value in text.several(values)
            if (code := text.uuid(value))
        }
        return tuple(sorted(pairs))


def _best_date(written: list[str]) -> str:
    """The most precise of the dates, the earlier written among equals."""
    return max((text.iso_date(value) for value in written[:8]), key=len, default="")
