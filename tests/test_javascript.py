"""The client's pure modules, under Node.js: the same vectors that Python passes; and the types of all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import require_program

CLIENT = Path(__file__).parents[1] / "client"
SUITES = sorted((Path(__file__).parent / "js").glob("*.test.js"))
TYPESCRIPT = "typescript@5"
TIMEOUT_S = 180.0


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_the_javascript_core_passes_its_suite(suite: Path, exhaustive: bool) -> None:
    wish = {"SONGKEEP_EXHAUSTIVE": "1"} if exhaustive else {}
    done = subprocess.run(
        [require_program("node"), "--test", "--test-reporter=tap", str(suite)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env={**os.environ, **wish},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 0, "no test ran"


@pytest.fixture(scope="session")
def typescript() -> list[str | Path]:
    """The TypeScript compiler, installed beside the environment's Python once; it only checks, and builds nothing."""
    where = Path(sys.prefix) / "typescript"
    compiler = where / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        npm = require_program("npm")
        subprocess.run(
            [npm, "install", "--prefix", where, "--no-audit", "--no-fund", "--silent", TYPESCRIPT],
            check=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    return [require_program("node"), compiler]


@pytest.mark.parametrize("project", ["jsconfig.json", "jsconfig.worker.json"])
def test_the_types_that_the_client_writes_in_comments_hold(typescript: list[str | Path], project: str) -> None:
    done = subprocess.run(
        [*typescript, "--noEmit", "--project", CLIENT / project],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]


def test_a_wrong_type_is_found(typescript: list[str | Path], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.js"
    wrong.write_text("/** @type {number} */\nexport const count = 'three';\n", encoding="utf-8")
    done = subprocess.run(
        [*typescript, "--noEmit", "--checkJs", "--allowJs", "--strict", "--target", "es2022", wrong],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert "is not assignable" in done.stdout
