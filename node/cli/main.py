"""The `songkeep` command: what it accepts, and how it ends.

Nothing heavy is imported here: the first thing is to say in one sentence if this system can't run it.
"""

from __future__ import annotations

import sys

OLDEST_PYTHON = (3, 11)
FIRST_PYTHON_TOO_NEW = (3, 14)
PLATFORMS = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}


def unsupported(version, platform):  # type: ignore[no-untyped-def]  # must run on any Python 3
    """One sentence that says why this system can't run Songkeep, or None."""
    if not OLDEST_PYTHON <= tuple(version[:2]) < FIRST_PYTHON_TOO_NEW:
        return "Songkeep needs Python 3.11, 3.12 or 3.13, and this is Python " + ".".join(map(str, version[:2])) + "."
    if platform not in PLATFORMS:
        return "Songkeep runs on " + ", ".join(sorted(PLATFORMS.values())) + ", and this system is " + platform + "."
    return None


def main(arguments=None):  # type: ignore[no-untyped-def]  # must run on any Python 3
    """Run one command; returns the exit code (docs/commands.md, "Exit codes")."""
    reason = unsupported(sys.version_info, sys.platform)  # type: ignore[no-untyped-call]  # as above
    if reason is not None:
        sys.stderr.write(reason + "\n")
        return 1
    from node.cli.command import run_command

    return run_command(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())  # type: ignore[no-untyped-call]  # as above
