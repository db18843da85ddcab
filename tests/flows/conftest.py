"""Music that the tests of taking it in share; a module may have its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.music import make_track


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    make_track(folder / "album" / "1.flac", seed=1, title="One", album="First", artists=("A",))
    make_track(folder / "album" / "2.mp3", seed=2, title="Two", album="First", artists=("A",))
    make_track(folder / "3.ogg", seed=3, title="Three", artists=("B",))
    return folder
