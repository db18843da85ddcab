"""The client's pure modules, under Node.js: the same vectors that Python passes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SUITES = sorted((Path(__file__).parent / "js").glob("*.test.js"))
TIMEOUT_S = 120.0


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_the_javascript_core_passes_its_suite(suite: Path) -> None:
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", str(suite)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 0, "no test ran"
