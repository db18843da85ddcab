"""What libtorrent gives to a seed is shown with the rest: counted once, for that seed alone, over every connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from node.doors.swarm import Endpoint
from node.doors.swarm.torrent import PeerView
from node.flows.pace import Pace
from node.flows.share import Sharing
from node.flows.uploads import Uploads
from node.ids import DeviceId

SEED, OTHER = DeviceId(b"s" * 32), DeviceId(b"o" * 32)
AT, ELSEWHERE = Endpoint("127.0.0.5", 4_000), Endpoint("127.0.0.6", 4_000)


class Peers:
    """A shared volume with so many bytes given to each peer."""

    def __init__(self, **_: Any) -> None:
        self.given: dict[Endpoint, int] = {}

    def peers(self) -> list[PeerView]:
        return [
            PeerView(at, "tcp", down_bytes_per_s=0, up_bytes_per_s=0, total_down_bytes=0, total_up_bytes=count)
            for at, count in self.given.items()
        ]


class Torrents:
    def __init__(self, shared: dict[bytes, Peers]) -> None:
        self.shared = shared

    def volumes(self) -> dict[bytes, Peers]:
        return self.shared


def test_what_goes_to_a_seed_by_the_swarm_is_counted_once_and_for_that_seed() -> None:
    volume, pace, uploads = Peers(), Pace(), Uploads()
    sharing = Sharing(
        library=None, store=None, holdings=None, arriving=Path(),  # type: ignore[arg-type]
        swarm=Torrents({b"v": volume}),  # type: ignore[arg-type]
        pace=pace, uploads=uploads,
    )  # fmt: skip
    sharing._fed = {b"v": {AT: 1, ELSEWHERE: 1}}  # type: ignore[dict-item]
    volume.given = {AT: 1_000, ELSEWHERE: 70}
    sharing._count_given(SEED, AT)
    sharing._count_given(SEED, AT)
    assert uploads.meters[SEED].total_bytes == 1_000
    sharing._count_given(OTHER, ELSEWHERE)
    volume.given = {AT: 1_500, ELSEWHERE: 70}
    sharing._count_given(SEED, AT)
    volume.given = {AT: 200}  # the connection was lost and made again
    sharing._count_given(SEED, AT)
    assert {taker: meter.total_bytes for taker, meter in uploads.meters.items()} == {SEED: 1_700, OTHER: 70}
    assert pace.total_bytes == 1_770
    sharing._fed = {}  # a volume that is for nobody
    volume.given = {AT: 9_000}
    sharing._count_given(SEED, AT)
    assert pace.total_bytes == 1_770
