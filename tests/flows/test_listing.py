"""What a scan makes of what lies there beside what was known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.catalog.model import Fingerprint
from node.doors.index import KnownSource
from node.doors.sources import Found, Scan
from node.flows.listing import compare

BODY = Fingerprint(size_bytes=4_000, mtime_ns=10, ctime_ns=20, inode=30)


def known(fingerprint: Fingerprint, **more: bool) -> dict[str, KnownSource]:
    facts = {"failed": False, "unread": False, **more}
    return {"a.mp3": KnownSource(id=1, fingerprint=fingerprint, state="present", **facts)}


def scanned(fingerprint: Fingerprint) -> Scan:
    return Scan(files=[Found("a.mp3", fingerprint, True)])


def test_a_disk_that_numbers_its_files_anew_at_each_mount_has_the_same_files() -> None:
    now = replace(BODY, inode=99)
    found = compare(scanned(now), known(BODY))
    assert not found.to_read
    assert [(each.source_id, each.path, each.fingerprint) for each in found.renamed] == [(1, "a.mp3", now)]


@pytest.mark.parametrize("changed", [{"size_bytes": 4_001}, {"mtime_ns": 11}, {"ctime_ns": 21}])
def test_a_file_of_other_size_or_times_is_read_again(changed: dict[str, int]) -> None:
    found = compare(scanned(replace(BODY, **changed, inode=99)), known(BODY))
    assert len(found.to_read) == 1
    assert not found.renamed


def test_a_file_that_could_not_be_read_is_read_again_only_when_asked() -> None:
    failed = known(BODY, failed=True, unread=True)
    assert not compare(scanned(BODY), failed).to_read
    assert len(compare(scanned(BODY), failed, again=True).to_read) == 1


def test_a_file_that_could_not_be_sealed_is_not_taken_for_new() -> None:
    """Its bytes may have rotted: reading it again must not make them right."""
    assert not compare(scanned(BODY), known(BODY, failed=True), again=True).to_read
