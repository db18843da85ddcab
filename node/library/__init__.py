"""What the person sees: queries over the index, changes through the catalog."""

from node.library.facts import ScanResult, SealedSource, ToRender, TrackFiles
from node.library.library import Library
from node.library.lists import MAX_PAGE

__all__ = ["MAX_PAGE", "Library", "ScanResult", "SealedSource", "ToRender", "TrackFiles"]
