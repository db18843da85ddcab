"""What this device knows of sealed blobs: their layers, where their bytes are, when they were last checked."""

from __future__ import annotations

from typing import Any, Final

from node.crypto.blob import Purpose
from node.doors.index.database import Database, Step
from node.doors.index.rows import STORED, SealedBlob, StoredBlob, StoredState
from node.errors import NotFoundError
from node.ids import BlobRoot

_COLUMNS = "root, purpose, size_bytes, sealed_bytes, stored, used_ms, verified_ms, damaged"
_USED_STEP_MS: Final = 60_000
"""A blob's last use is written at most once a minute: streaming must not write."""


class Blobs:
    """Part of the index; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, root: bytes) -> StoredBlob | None:
        """What is known of one blob, or None if its layer is not kept here."""
        row = self._database.one(f"SELECT {_COLUMNS} FROM blob WHERE root = ?", root)
        return None if row is None else _blob(row)

    def layer(self, root: bytes) -> bytes:
        """The blob's piece hashes, 32 bytes each. Raises NotFoundError if they are not kept here."""
        row = self._database.one("SELECT layer FROM blob WHERE root = ?", root)
        if row is None:
            raise NotFoundError("that sealed file is not known on this device")
        return bytes(row[0])

    def is_known(self, root: bytes) -> bool:
        """Whether the catalog names this blob."""
        return self._database.one("SELECT 1 FROM named_blob WHERE root = ? LIMIT 1", root) is not None

    def named(self, after: bytes, limit: int) -> list[tuple[BlobRoot, Purpose]]:
        """Blobs that the catalog names, in the order of their roots, those above `after` (b'' for the first)."""
        rows = self._database.all(
            "SELECT root, min(purpose) FROM named_blob WHERE root > ? GROUP BY root ORDER BY root LIMIT ?", after, limit
        )
        return [(BlobRoot(root), Purpose(purpose)) for root, purpose in rows]

    def page(self, after: bytes, limit: int, *, stored: bool = False) -> list[StoredBlob]:
        """Blobs in the order of their roots, those above `after` (b'' for the first); only stored ones if asked."""
        only = "AND stored > 0" if stored else ""
        rows = self._database.all(
            f"SELECT {_COLUMNS} FROM blob WHERE root > ? {only} ORDER BY root LIMIT ?", after, limit
        )
        return [_blob(row) for row in rows]

    def put(self, blob: SealedBlob, now_ms: int) -> None:
        """Keep what is needed to check a blob; one known already becomes stored where the new one is."""
        with self._database.write() as step:
            put_blob(step, blob, now_ms)

    def set_stored(self, root: bytes, stored: StoredState) -> None:
        """Say whether the sealed bytes are here, and whether they may be evicted."""
        with self._database.write() as step:
            step.sql.execute("UPDATE blob SET stored = ? WHERE root = ?", (STORED.index(stored), root))
            step.changed = True

    def forget(self, root: bytes) -> None:
        """Drop the layer too."""
        with self._database.write() as step:
            step.sql.execute("DELETE FROM blob WHERE root = ?", (root,))

    def touch(self, root: bytes, now_ms: int) -> None:
        """Remember that the blob was used; no write if it was within the last minute."""
        row = self._database.one("SELECT used_ms FROM blob WHERE root = ?", root)
        if row is not None and abs(now_ms - row[0]) >= _USED_STEP_MS:
            with self._database.write() as step:
                step.sql.execute("UPDATE blob SET used_ms = ? WHERE root = ?", (now_ms, root))

    def set_verified(self, root: bytes, now_ms: int) -> None:
        """Remember that every chunk was found whole."""
        with self._database.write() as step:
            step.sql.execute("UPDATE blob SET verified_ms = ?, damaged = 0 WHERE root = ?", (now_ms, root))

    def unverified(self, *, before_ms: int, after_ms: int, limit: int) -> list[StoredBlob]:
        """Stored blobs, taken to be whole, last checked (or come) up to `before_ms` or past `after_ms`; in order."""
        rows = self._database.all(
            f"""SELECT {_COLUMNS} FROM blob
                WHERE stored > 0 AND damaged = 0 AND coalesce(verified_ms, used_ms) NOT BETWEEN ? AND ?
                ORDER BY coalesce(verified_ms, used_ms), root LIMIT ?""",
            before_ms + 1,
            after_ms,
            limit,
        )
        return [_blob(row) for row in rows]

    def set_damaged(self, root: bytes, damaged: bool = True) -> None:
        """Remember that the stored bytes are not what they should be, or are again."""
        with self._database.write() as step:
            step.sql.execute("UPDATE blob SET damaged = ? WHERE root = ?", (int(damaged), root))
            step.changed = True

    def cached(self, limit: int) -> list[StoredBlob]:
        """Blobs that may be evicted, least recently used first."""
        rows = self._database.all(f"SELECT {_COLUMNS} FROM blob WHERE stored = 1 ORDER BY used_ms, root LIMIT ?", limit)
        return [_blob(row) for row in rows]

    def totals(self) -> dict[str, int]:
        """Sealed bytes here: {'cache_bytes', 'cache_blobs', 'pinned_bytes', 'pinned_blobs', 'damaged_blobs'}."""
        totals = dict.fromkeys(("cache_bytes", "cache_blobs", "pinned_bytes", "pinned_blobs", "damaged_blobs"), 0)
        for stored, count, size, damaged in self._database.all(
            "SELECT stored, count(*), sum(sealed_bytes), sum(damaged) FROM blob WHERE stored > 0 GROUP BY stored"
        ):
            totals[f"{STORED[stored]}_blobs"], totals[f"{STORED[stored]}_bytes"] = count, size
            totals["damaged_blobs"] += damaged
        return totals


def put_blob(step: Step, blob: SealedBlob, now_ms: int) -> None:
    """`Blobs.put` inside a transaction."""
    step.sql.execute(
        """INSERT INTO blob (root, purpose, size_bytes, sealed_bytes, layer, stored, used_ms)
           VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (root) DO UPDATE SET stored = max(stored, excluded.stored),
             damaged = CASE WHEN excluded.stored > 0 THEN 0 ELSE damaged END""",
        (
            blob.ref.root, blob.purpose, blob.ref.size_bytes, blob.sealed_bytes, blob.layer, STORED.index(blob.stored),
            now_ms,
        ),
    )  # fmt: skip


def _blob(row: tuple[Any, ...]) -> StoredBlob:
    root, purpose, size_bytes, sealed_bytes, stored, used_ms, verified_ms, damaged = row
    return StoredBlob(
        root=BlobRoot(root),
        purpose=Purpose(purpose),
        size_bytes=size_bytes,
        sealed_bytes=sealed_bytes,
        stored=STORED[stored],
        used_ms=used_ms,
        verified_ms=verified_ms,
        damaged=bool(damaged),
    )
