"""songkeep recover, as a person runs it, where it comes to nothing."""

from __future__ import annotations

from pathlib import Path

from node.crypto.phrase import phrase_from_entropy
from tests.living import songkeep


def test_a_recovery_that_fails_leaves_no_log_behind(tmp_path: Path) -> None:
    home, words = tmp_path / "home", tmp_path / "words.txt"
    words.write_text(phrase_from_entropy(bytes(32)))
    failed = songkeep(home, "recover", "--seed", "http://127.0.0.1:9", "--phrase-file", str(words))  # nobody answers
    assert failed.returncode == 6, failed.stderr
    assert {file.name for file in home.iterdir()} <= {"lock"}
    songkeep(home, "init")
    before = {file.name for file in home.iterdir()}
    refused = songkeep(home, "recover", "--seed", "http://127.0.0.1:9", "--phrase-file", str(words))
    assert (refused.returncode, {file.name for file in home.iterdir()}) == (2, before)
