"""The one error tree: each class says whose fault it is and what can be done now.

A command ends with its error's ``exit_code``; docs/commands.md lists them. ``code`` names the class in HTTP answers.
"""

from __future__ import annotations


class SongkeepError(Exception):
    """Root of every error that Songkeep raises on purpose. ``str(error)`` is a sentence for a person."""

    exit_code = 1
    code = "failed"


class UserError(SongkeepError):
    """The request can't be met as asked; the message says what to ask instead."""

    exit_code = 2
    code = "invalid"


class NotFoundError(UserError):
    """What was named isn't in this library."""

    exit_code = 3
    code = "not_found"


class RefusedError(SongkeepError):
    """A rule that protects the music or its owner said no."""

    exit_code = 4
    code = "refused"


class UnsureError(RefusedError):
    """Hardly what was meant. Asked for again, with the word that it was, it is done."""

    code = "unsure"


class DamagedError(SongkeepError):
    """Bytes that should be whole are not; another copy may be fetched."""

    exit_code = 5
    code = "damaged"


class UnavailableError(SongkeepError):
    """Not to be had now (away, asleep, offline, full); the same request may work later."""

    exit_code = 6
    code = "unavailable"


class NotHeldError(UnavailableError):
    """The device that was asked hasn't it; another may."""


class PeerError(SongkeepError):
    """The other side broke the protocol: drop it and keep the work."""

    exit_code = 7
    code = "peer"


class UnknownFormatError(SongkeepError):
    """Written by a newer Songkeep, or by something else."""

    exit_code = 8
    code = "unknown_format"


class StorageError(UnavailableError):
    """The disk refused (full, read-only, I/O error). Nothing half-written is left in place."""

    exit_code = 9
    code = "storage"


INTERRUPTED_EXIT_CODE = 130
"""The person stopped the command (Ctrl-C)."""
TERMINATED_EXIT_CODE = 143
"""The system did (SIGTERM)."""
PARTIAL_EXIT_CODE = 10
"""The command did its work, but some of the items failed; each was named."""
