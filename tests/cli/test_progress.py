"""Following a job, and Ctrl-C meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from node.cli.client import Client
from node.cli.progress import follow_or_stop
from node.cli.terminal import Terminal
from node.errors import UnavailableError

JOB: dict[str, Any] = {
    "id": "a", "kind": "add", "state": "running", "phase": "", "files_done": 0, "files_total": 0, "bytes_done": 0,
    "bytes_total": 0, "rate_bytes_per_s": 0, "left_s": None, "failed": [], "error": "it was stopped", "exit_code": 6,
}  # fmt: skip


class Interrupted(Client):
    """A node whose first answer never comes, since the person presses Ctrl-C."""

    def __init__(self, *, outlives: bool, gone: bool = False) -> None:
        super().__init__(1, "", outlives=outlives)
        self.asked: list[str] = []
        self._gone = gone

    def get(self, path: str, /, **query: str | int | None) -> Any:
        self.asked.append(f"GET {path}")
        if len(self.asked) == 1:
            raise KeyboardInterrupt
        return {**JOB, "state": "failed"}

    def delete(self, path: str, /) -> Any:
        self.asked.append(f"DELETE {path}")
        if self._gone:
            raise UnavailableError("Songkeep stopped answering")
        return JOB


@pytest.mark.parametrize("outlives", [True, False])
def test_ctrl_c_has_the_node_stop_and_says_what_stays_and_what_goes_on(
    capsys: pytest.CaptureFixture[str], outlives: bool
) -> None:
    client = Interrupted(outlives=outlives)
    with pytest.raises(KeyboardInterrupt):
        follow_or_stop(client, JOB, Terminal(as_json=True), stays="What is sealed stays.")
    assert client.asked == ["GET jobs/a", "DELETE jobs/a", "GET jobs/a"]
    said = capsys.readouterr()
    assert said.out == ""
    assert "What is sealed stays." in said.err
    assert ("Ctrl-C where 'songkeep up' runs ends it" in said.err) is outlives


def test_a_node_that_is_gone_can_not_be_asked_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    client = Interrupted(outlives=False, gone=True)
    with pytest.raises(KeyboardInterrupt):
        follow_or_stop(client, JOB, Terminal(as_json=False), stays="What is sealed stays.")
    said = capsys.readouterr().err
    assert "could not be stopped: Songkeep stopped answering." in said
    assert "What is sealed stays." not in said
