"""The sealed store: the one door by which blobs come to lie on this disk."""

from node.doors.blobs.disk import Disk, as_storage_error
from node.doors.blobs.files import BlobReader, Draft, Drafted, Incoming
from node.doors.blobs.store import DEFAULT_CACHE_BYTES, BlobStore, Stored

__all__ = [
    "DEFAULT_CACHE_BYTES",
    "BlobReader",
    "BlobStore",
    "Disk",
    "Draft",
    "Drafted",
    "Incoming",
    "Stored",
    "as_storage_error",
]
