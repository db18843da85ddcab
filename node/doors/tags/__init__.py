"""What music files say of themselves. The only room that knows mutagen."""

from node.catalog.sniff import is_music_name
from node.doors.tags.beside import folder_cover, is_cover_name, lrc_beside
from node.doors.tags.facts import MAX_COVER_BYTES, MAX_LYRICS_CHARS, CoverArt, FileFacts
from node.doors.tags.read import read_tags
from node.doors.tags.write import write_tags

__all__ = [
    "MAX_COVER_BYTES",
    "MAX_LYRICS_CHARS",
    "CoverArt",
    "FileFacts",
    "folder_cover",
    "is_cover_name",
    "is_music_name",
    "lrc_beside",
    "read_tags",
    "write_tags",
]
