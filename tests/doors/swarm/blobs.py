"""Sealed-looking blobs for the swarm's tests: noise, its root and its layer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from node.crypto import merkle
from node.crypto.labels import CHUNK_BYTES
from node.doors.swarm import Held
from node.ids import BlobRoot, to_text
from node.wire.volume import Volume, VolumeBlob, make_volume

TAG = b"\x0e" * 32


@dataclass(frozen=True)
class Noise:
    root: BlobRoot
    layer: bytes
    data: bytes

    @property
    def listed(self) -> VolumeBlob:
        return VolumeBlob(self.root, len(self.data))

    def held(self, directory: Path) -> Held:
        """The blob as a file in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / to_text(self.root)
        path.write_bytes(self.data)
        return Held(path, self.layer)


def noise(number: int, size: int) -> Noise:
    data = random.Random(number).randbytes(size)
    root, layer = merkle.root_of_chunks(data[at : at + CHUNK_BYTES] for at in range(0, size, CHUNK_BYTES))
    return Noise(root, layer, data)


def noises(*sizes: int) -> tuple[Volume, list[Noise]]:
    """A volume and its blobs, in its order."""
    made = sorted((noise(number, size) for number, size in enumerate(sizes)), key=lambda each: each.root)
    return make_volume(each.listed for each in made), made


def all_held(made: Sequence[Noise], directory: Path) -> dict[int, Held]:
    return {index: each.held(directory) for index, each in enumerate(made)}
