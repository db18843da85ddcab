"""The tables of a seed's ledger. What is in them is all that a seed knows."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import sqlalchemy as sql

SCHEMA_VERSION: Final = 1

META: Final = sql.MetaData()

VERSION: Final = sql.Table("version", META, sql.Column("number", sql.Integer, primary_key=True))

CLOCK: Final = sql.Table(
    "clock",
    META,
    sql.Column("one", sql.Integer, primary_key=True),
    sql.Column("seen_ms", sql.BigInteger, nullable=False),
    sql.Column("patient_ms", sql.BigInteger, nullable=False),
)
"""One row: when the clock was last looked at, and the time that is certain to have passed since the beginning."""

LIBRARIES: Final = sql.Table(
    "libraries",
    META,
    sql.Column("library", sql.LargeBinary(32), primary_key=True),
    sql.Column("number", sql.Integer, nullable=False, unique=True),
    sql.Column("quota_bytes", sql.BigInteger, nullable=False),
    sql.Column("joined_ms", sql.BigInteger, nullable=False),
    sql.Column("list_serial", sql.BigInteger, nullable=False),
    sql.Column("list_record", sql.LargeBinary, nullable=False),
)

ENTRIES: Final = sql.Table(
    "roster_entries",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("libraries.library"), primary_key=True),
    sql.Column("seq", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("entry", sql.LargeBinary, nullable=False),
)

MEMBERS: Final = sql.Table(
    "members",
    META,
    sql.Column("member", sql.LargeBinary(32), primary_key=True),
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("libraries.library"), primary_key=True),
    sql.Column("active", sql.Boolean, nullable=False),
)

INVITES: Final = sql.Table(
    "invites",
    META,
    sql.Column("token", sql.LargeBinary(32), primary_key=True),
    sql.Column("quota_bytes", sql.BigInteger, nullable=False),
    sql.Column("created_ms", sql.BigInteger, nullable=False),
)

GRANTS: Final = sql.Table(
    "grants",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("libraries.library"), primary_key=True),
    sql.Column("tracker", sql.LargeBinary(32), primary_key=True),
    sql.Column("granted_bytes", sql.BigInteger, nullable=False),
    sql.Column("serial", sql.BigInteger, nullable=False),
    sql.Column("expires_ms", sql.BigInteger, nullable=False),
)
"""Of each tracker the newest grant. One that has run out still counts: only a signed one of fewer bytes ends it."""

ENDINGS: Final = sql.Table(
    "endings",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("libraries.library"), primary_key=True),
    sql.Column("since_ms", sql.BigInteger, nullable=False),
    sql.Column("refused", sql.Boolean, nullable=False),
)
"""Libraries that have more than their room, and since when by the patient clock; refused: by who runs the seed."""

HEADS: Final = sql.Table(
    "heads",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("libraries.library"), primary_key=True),
    sql.Column("device", sql.LargeBinary(32), primary_key=True),
    sql.Column("serial", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("record", sql.LargeBinary, nullable=False),
    sql.Column("root", sql.LargeBinary(32), nullable=False),
    sql.Column("sealed_bytes", sql.BigInteger, nullable=False),
    sql.Column("layer", sql.LargeBinary, nullable=False),
    sql.Column("held", sql.Boolean, nullable=False),
    sql.Column("checked_ms", sql.BigInteger, nullable=False),
)
"""Of each device the newest record whose snapshot is here, and perhaps one whose snapshot is still to come."""

VOLUMES: Final = sql.Table(
    "volumes",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("libraries.library"), primary_key=True),
    sql.Column("volume", sql.LargeBinary(32), primary_key=True),
    sql.Column("tag", sql.LargeBinary(32), nullable=False),
    sql.Column("packed", sql.LargeBinary, nullable=False),
)


class State(IntEnum):
    """Where a blob stands."""

    WANTED = 1
    """Listed; its bytes are not here yet."""
    HELD = 2
    """Listed; its bytes are here and were checked."""
    TRASH = 3
    """Listed no longer; its bytes stay for a while."""
    DAMAGED = 4
    """Listed; its bytes were found rotten and are to be fetched again."""


BLOBS: Final = sql.Table(
    "blobs",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("libraries.library"), primary_key=True),
    sql.Column("root", sql.LargeBinary(32), primary_key=True),
    sql.Column("sealed_bytes", sql.BigInteger, nullable=False),
    sql.Column("state", sql.Integer, nullable=False),
    sql.Column("since_ms", sql.BigInteger, nullable=False),
    sql.Column("trashed_ms", sql.BigInteger, nullable=False, default=0),
    sql.Column("checked_ms", sql.BigInteger, nullable=False),
    sql.Column("layer", sql.LargeBinary, nullable=False),
    # trashed_ms is by the patient clock, the others by the machine's.
    sql.Index("blobs_by_state", "library", "state"),
    sql.Index("blobs_by_check", "state", "checked_ms"),
)
