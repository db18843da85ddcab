"""`python3 -m node ...`: the `songkeep` command; from a checkout it sets up what it needs first."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from node.bootstrap import check_python, run_again


def _start() -> int:
    check_python()
    checkout = Path(__file__).resolve().parent.parent
    environment = checkout / ".venv"
    if (checkout / "pyproject.toml").exists() and Path(sys.prefix) != environment:
        os.environ["PYTHONSAFEPATH"] = "1"  # the installed package, not the checkout, is what runs
        run_again(checkout, None, ["-m", "node", *sys.argv[1:]])
    from node.cli.main import main

    return int(main(sys.argv[1:]))  # type: ignore[no-untyped-call]  # it runs on any Python 3


sys.exit(_start())
