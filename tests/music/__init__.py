"""Music files for the tests of all rooms: valid ones of every format, and a zoo of odd ones."""

from tests.music.making import FORMATS, Kind, kept_mtime, make_picture, make_track, png, sound
from tests.music.zoo import Odd, odd_files

__all__ = ["FORMATS", "Kind", "Odd", "kept_mtime", "make_picture", "make_track", "odd_files", "png", "sound"]
