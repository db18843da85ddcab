"""How things stand between this library and one seed, as it is known here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from node.doors.seeds import SeedStanding
from node.errors import NotFoundError
from node.flows.audit import Audit
from node.flows.share import Choice
from node.ids import BlobRoot, DeviceId, to_text
from node.sizes import songs_in
from node.wire.roster import Member
from node.wire.seedapi import host_of
from node.wire.volume import Volume

AWAY_MS: Final = 86_400_000
ENDING_DAYS: Final = (31, 14, 7, 3, 1)
"""At so many days before a seed drops what it has no room for any more the person is told."""
LESS_ROUNDS: Final = 2
FILLING_PARTS: Final = (80, 95)
"""At so many hundredths of its quota the person is told that a seed fills up."""


@dataclass(frozen=True, slots=True)
class Shrinking:
    """A list that drops much, and is not given before an owner has said so."""

    blobs: int
    dropped_bytes: int
    held_bytes: int

    def as_json(self) -> dict[str, int]:
        return {"blobs": self.blobs, "dropped_bytes": self.dropped_bytes, "held_bytes": self.held_bytes}


@dataclass(slots=True)
class SeedLink:
    """How things stand with one seed."""

    member: Member
    number: int
    """Its place among all seeds that the library ever had, from 1: it stays when others go."""
    state: Literal["away", "connected", "filled"] = "away"
    trouble: str = ""
    standing: SeedStanding | None = None
    audit: Audit | None = None
    """The last one."""
    audits_passed: int = 0
    """Of those that are remembered, a month of them."""
    audits: int = 0
    serial: int = 0
    """The newest list's, that this seed was seen to have."""
    planned_for: tuple[object, ...] | None = None
    """The state of things for which the list in force is right."""
    choice: Choice | None = None
    """What the newest list is made from."""
    shrinking: Shrinking | None = None
    """What waits for an owner's word."""
    may_drop_bytes: int = 0
    """So much an owner has said may go."""
    moved_to: str = ""
    """Its address, if that is another than the roster says."""
    reached_ms: int = 0
    """When it was last reached; 0: never yet."""
    told_away: bool = False
    told_full_percent: int = 0
    told_days_left: int | None = None
    less_rounds: int = 0
    """Rounds in a row in which the seed gave less than a tracker granted there."""
    seen: dict[DeviceId, int] = field(default_factory=dict)
    """The newest heads record of each device that was taken in."""
    given_root: bytes = b""
    roster_length: int = 0
    """Entries that the seed was seen to know."""
    list_record: bytes = b""
    volumes: list[tuple[Volume, bytes]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return self.moved_to or (self.member.addresses[0] if self.member.addresses else "")

    @property
    def listed(self) -> set[BlobRoot]:
        """Every blob of the list in force."""
        return {blob.root for volume, _ in self.volumes for blob in volume.blobs}

    @property
    def left_out(self) -> int:
        """Blobs that found no room."""
        return sum(self.choice.left_out.values()) if self.choice else 0

    def as_json(self) -> dict[str, Any]:
        standing, left_bytes = self.standing, self.left_bytes
        return {
            "id": to_text(self.member.public.id),
            "number": self.number,
            "url": self.url,
            "state": self.state,
            "trouble": self.trouble,
            "reached_ms": self.reached_ms or None,
            "quota_bytes": standing.quota_bytes if standing else None,
            "held_bytes": standing.held_bytes if standing else None,
            "held": standing.held_blobs if standing else None,
            "missing": standing.missing_blobs if standing else None,
            "missing_bytes": standing.missing_bytes if standing else None,
            "trash_bytes": standing.trash_bytes if standing else None,
            "days_left": standing.days_left if standing else None,
            "left_bytes": left_bytes,
            "left_songs": None if left_bytes is None else songs_in(left_bytes),
            "left_out": self.left_out,
            "left_out_bytes": self.choice.left_out_bytes if self.choice else 0,
            "left_out_of": {purpose.name.lower(): count for purpose, count in self.choice.left_out.items()}
            if self.choice
            else {},
            "audit": self.audit.as_json() if self.audit else None,
            "audits": {"passed": self.audits_passed, "all": self.audits},
            "shrinking": self.shrinking.as_json() if self.shrinking else None,
        }

    def begins_with(self, wanted: str) -> bool:
        """Whether its identifier or its address, with or without the scheme, begins like that."""
        return any(each.startswith(wanted) for each in (to_text(self.member.public.id), self.url, host_of(self.url)))

    @property
    def left_bytes(self) -> int | None:
        """Room that nothing was promised of yet; None before the seed has said how it stands."""
        standing = self.standing
        return None if standing is None else max(0, standing.quota_bytes - standing.listed_bytes)

    def away_warning(self, now_ms: int) -> str | None:
        """A sentence, once, when a seed has not been reached for as long as lies between two audits."""
        if self.told_away or not self.reached_ms or now_ms - self.reached_ms < AWAY_MS:
            return None
        self.told_away = True
        return (
            f"The seed {self.url} has not been reached for a day. If it has moved, "
            "say where it is with 'songkeep seeds move'. If it is gone, let another one keep your library with "
            "'songkeep seeds add', and put this one out with 'songkeep seeds remove'."
        )

    def ending_warning(self) -> str | None:
        """A sentence when the seed has said that it will drop something soon, and again as the day comes nearer."""
        days_left = self.standing.days_left if self.standing else None
        step = None if days_left is None else min((each for each in ENDING_DAYS if days_left <= each), default=None)
        if step == self.told_days_left or days_left is None:
            self.told_days_left = step
            return None
        self.told_days_left = step
        over_bytes = max(0, self.standing.listed_bytes - self.standing.quota_bytes) if self.standing else 0
        return (
            f"The seed {self.url} gives your library less room than before, by a word of your tracker or of who runs "
            f"it. In {days_left} days it drops {over_bytes / 1e9:,.2f} GB. Until then nothing goes: let other devices "
            "or another seed ('songkeep seeds add') keep it."
        )

    def less_warning(self, granted_bytes: int) -> str | None:
        """A sentence, once, when the seed gives less than a tracker granted there, and nobody has ended its room.

        At the second look, since room that is being changed may be smaller for a moment.
        """
        standing = self.standing
        less = standing is not None and standing.days_left is None and standing.quota_bytes < granted_bytes
        self.less_rounds = self.less_rounds + 1 if less else 0
        if standing is None or self.less_rounds != LESS_ROUNDS:
            return None
        return (
            f"The seed {self.url} gives your library {standing.quota_bytes / 1e9:,.2f} GB of the "
            f"{granted_bytes / 1e9:,.2f} GB that your tracker granted there. It does not keep what it promised: "
            "let another one keep your library with 'songkeep seeds add', and put this one out with 'songkeep seeds "
            "remove'."
        )

    def full_warning(self) -> str | None:
        """A sentence when the seed has come to the next step of being full; None if there is nothing new to say."""
        standing, left_bytes = self.standing, self.left_bytes
        if standing is None or left_bytes is None or not standing.quota_bytes:
            return None
        percent = standing.listed_bytes * 100 // standing.quota_bytes
        step = 100 if self.left_out else max((each for each in FILLING_PARTS if percent >= each), default=0)
        if step <= self.told_full_percent:
            self.told_full_percent = step
            return None
        self.told_full_percent = step
        more = "Ask its owner for more room, or add another seed with 'songkeep seeds add'."
        if step == 100:
            out_bytes = self.choice.left_out_bytes if self.choice else 0
            without = f"{self.left_out:,} files ({out_bytes / 1e9:,.2f} GB) find no room on it"
            return f"The seed {self.url} is full: {without}. {more}"
        return (
            f"The seed {self.url} is {percent} % full: room for about {songs_in(left_bytes):,} more songs of the size "
            f"for the phone ({left_bytes / 1e9:,.2f} GB). {more}"
        )


def named(links: Iterable[SeedLink], wanted: str) -> SeedLink:
    """The seed of that number, or whose address or identifier is that, or the only one for which it begins like that.

    Raises NotFoundError.
    """
    known, text = list(links), wanted.strip().rstrip("/").lower()
    ways: tuple[Callable[[SeedLink], bool], ...] = (
        lambda link: str(link.number) == text,
        lambda link: text in (link.url, host_of(link.url)),
        lambda link: link.begins_with(text),
    )
    for way in ways if text else ():
        found = [link for link in known if way(link)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFoundError(f"more than one seed is meant by {wanted[:80]!r}; 'songkeep seeds' numbers them")
    raise NotFoundError(f"there is no seed {wanted[:80]!r}; 'songkeep seeds' numbers them")
