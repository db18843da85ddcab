"""A song that lies elsewhere plays in an app: from another device of the library, and from a seed that has no keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import libopensonic
import pytest

from tests.flows.machines import Machine, first_event, pair, until
from tests.music import make_track
from tests.ports import free_port
from tests.subsonic.test_clients import heard_by

pytestmark = pytest.mark.timeout(600)

TITLES = ("Harbour", "Lanterns", "Orbit")


class Places:
    """A PC with music, a laptop without any that joined its library, a seed, a tracker: all on this machine."""

    def __init__(self, folder: Path) -> None:
        self.music = folder / "music"
        self.music.mkdir()
        for number, title in enumerate(TITLES):
            make_track(
                self.music / f"{number}.flac", seconds=4, kind="music", seed=number,
                title=title, artists=("Lena",), album="Evening", track_no=number + 1,
            )  # fmt: skip
        self.tracker, self.pc, self.laptop, self.seed = (
            Machine(folder / name) for name in ("tracker", "pc", "laptop", "seed")
        )

    def begin(self) -> None:
        running = self.tracker.start("tracker", "run", "--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--json")
        url = f"ws://127.0.0.1:{first_event(running)['port']}"
        self.pc.run("init")
        self.pc.run("config", "trackers", url)
        self.pc.run("config", "keep_sealed", "on")
        self.pc.up(str(self.music))
        until(self._all_ready, "the PC has sealed its music and made it small")
        pair(self.pc, self.laptop)
        self.laptop.up("--port", str(free_port()))
        until(lambda: len(self.laptop.run("ls")) == len(TITLES), "the laptop has the catalog")

    def app(self) -> Any:
        """A music app on the laptop."""
        secret = self.laptop.run("app-password", "new", "an app")["password"]
        port = int(self.laptop.run("open", "--no-browser")["url"].split(":")[2].partition("/")[0])
        return libopensonic.Connection("http://127.0.0.1", username="me", password=secret, port=port)

    def stop(self) -> None:
        for machine in (self.laptop, self.pc, self.seed, self.tracker):
            machine.stop()

    def _all_ready(self) -> bool:
        tracks = self.pc.run("ls")
        return len(tracks) == len(TITLES) and all(
            each["state"]["sealed"] and each["state"]["mobile"] for each in tracks
        )


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    made = Places(tmp_path)
    try:
        made.begin()
        yield made
    finally:
        made.stop()


def test_an_app_plays_what_only_another_device_or_only_the_seed_holds(places: Places, tmp_path: Path) -> None:
    until(lambda: any(each["linked"] for each in places.laptop.run("devices")), "the laptop is linked to the PC")
    client = places.app()
    try:
        songs = sorted(client.search3("", song_count=10).song, key=lambda song: song.track)
        assert [song.title for song in songs] == list(TITLES)
        originals = [hashlib.sha256((places.music / f"{at}.flac").read_bytes()).digest() for at in range(len(TITLES))]
        from_pc = heard_by(client, lambda: client.stream(songs[0].id))
        assert hashlib.sha256(from_pc).digest() == originals[0]

        client.star(sids=[songs[0].id])
        client.scrobble(songs[0].id)
        until(lambda: places.pc.run("show", songs[0].id)["starred_ms"] is not None, "the star reaches the PC")
        assert places.pc.run("show", songs[0].id)["plays"] == 1

        capacity = ("--listen", f"127.0.0.1:{free_port()}", "--capacity", "1GB", "--json")
        first_event(places.seed.start("seed", "run", *capacity))
        places.pc.run("seeds", "add", places.seed.run("seed", "invite", "--quota", "500MB")["code"])
        until(lambda: _seed_has_all(places.pc), "the seed holds everything")
        until(lambda: len(places.laptop.run("seeds", "list")) == 1, "the laptop knows of the seed")
        places.pc.stop()
        from_seed = heard_by(client, lambda: client.stream(songs[1].id))
        assert hashlib.sha256(from_seed).digest() == originals[1]

        smaller = tmp_path / "smaller.mp3"
        smaller.write_bytes(heard_by(client, lambda: client.stream(songs[2].id, max_bit_rate=96, tformat="mp3")))
        with av.open(str(smaller)) as sound:
            assert sum(frame.samples / frame.sample_rate for frame in sound.decode(audio=0)) == pytest.approx(
                4, abs=0.2
            )
    finally:
        client.cleanup()


def _seed_has_all(pc: Machine) -> bool:
    seeds = pc.run("seeds", "list")
    return len(seeds) == 1 and seeds[0]["missing"] == 0 and seeds[0]["held"] >= 2 * len(TITLES)
