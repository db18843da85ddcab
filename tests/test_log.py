"""What the log must never hold."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.log import configure_log


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    # pytest's own handlers stay out of it.
    root.handlers = []
    configure_log(level="info", file=tmp_path / "log")
    yield tmp_path / "log"
    for ours in root.handlers:
        ours.close()
    root.handlers = before
    root.setLevel(level)


def test_an_event_is_written_with_its_fields(log_file: Path) -> None:
    logging.getLogger("node.doors.blobs").info("blob_sealed blob=%s size_bytes=%d", "abc", 7)
    line = log_file.read_text()
    assert line.endswith("INFO node.doors.blobs blob_sealed blob=abc size_bytes=7\n")


def test_an_exception_is_logged_by_kind_and_place_without_its_text(log_file: Path) -> None:
    try:
        Path("/no/such/Blue in Green.flac").read_bytes()
    except OSError:
        logging.getLogger("node.flows").exception("source_unreadable")
    text = log_file.read_text()
    assert "FileNotFoundError at " in text
    assert "test_log.py:" in text
    assert "Blue in Green" not in text


def test_records_of_other_packages_are_kept_without_their_words(log_file: Path) -> None:
    logging.getLogger("aiohttp.server").error("Error handling GET /secret?key=abc")
    text = log_file.read_text()
    assert "aiohttp.server foreign_record at=test_log:" in text
    assert "secret" not in text
