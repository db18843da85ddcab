"""From a fresh checkout to a working environment, with the standard library alone.

`python3 -m node ...` and `python3 -m tests ...` come through here: they make `.venv` in the checkout once, install
Songkeep into it, and run again inside it. An installed `songkeep` never does.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 13)


def check_python() -> None:
    """End with one sentence where this Python can't run Songkeep."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(
            f"Songkeep needs Python 3.11, 3.12 or 3.13 (libtorrent is built for these); this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}. Try: python3.13 -m node"
        )


def inside(root: Path, extra: str | None) -> Path:
    """The environment's Python, after making the environment and installing `root` with `extra` if need be."""
    check_python()
    environment = root / ".venv"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = environment / f"songkeep-{extra or 'run'}.stamp"
    wanted = _state_of(root)
    if python.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return python
    _say("Setting up Songkeep in .venv (once; about a minute) ...")
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "venv", str(environment)], check=False)
        if made.returncode:
            sys.exit("Python could not make a virtual environment; on Debian or Ubuntu: apt install python3-venv")
    target = str(root) + (f"[{extra}]" if extra else "")
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", target], check=False)
    if installed.returncode:
        sys.exit("Installing Songkeep's packages failed; what pip said stands above.")
    stamp.write_text(wanted, encoding="ascii")
    return python


def _state_of(root: Path) -> str:
    """Changes when an installed file would: names, sizes and times of what the wheel contains."""
    seen = hashlib.sha256()
    files = [root / "pyproject.toml"]
    for package in ("node", "tracker", "client"):
        files += sorted(path for path in (root / package).rglob("*") if path.is_file() and path.suffix != ".pyc")
    for path in files:
        facts = path.stat()
        seen.update(f"{path.relative_to(root)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return seen.hexdigest()


def run_again(root: Path, extra: str | None, arguments: list[str]) -> None:
    """Replace this process by `arguments` run by the environment's Python."""
    python = inside(root, extra)
    command = [str(python), *arguments]
    if os.name == "nt":  # there exec would return to the shell at once
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(python, command)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
