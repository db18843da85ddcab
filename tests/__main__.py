"""`python3 -m tests [pytest options]`: set up what the tests need and run them all.

Formatting, types and import rules are checked first, then pytest runs. With `--quick` only pytest runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from node.bootstrap import run_again

CHECKOUT = Path(__file__).resolve().parent.parent
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)


def _start() -> int:
    arguments = sys.argv[1:]
    if Path(sys.prefix) != CHECKOUT / ".venv":
        run_again(CHECKOUT, "dev", ["-m", "tests", *arguments])
    os.chdir(CHECKOUT)
    failed = []
    if "--quick" in arguments:
        arguments.remove("--quick")
    else:
        tools = Path(sys.executable).parent
        for tool, *options in CHECKS:
            print(f"--- {tool} {' '.join(options)}", flush=True)
            if subprocess.run([tools / tool, *options], check=False).returncode:
                failed.append(tool)
    print("--- pytest", flush=True)
    if subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode:
        failed.append("pytest")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


sys.exit(_start())
