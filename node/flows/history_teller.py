"""Says to the person what became of changes that didn't come in the usual way: after a backup, or a long time away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from node.catalog.vector import LogId, log_device
from node.doors.index import Applied
from node.ids import DeviceId

Tell = Callable[[Literal["info", "warning", "error"], str], None]

SET_BACK = "This device was set back to an older state, from a backup perhaps. "
FORGOTTEN = "What it had forgotten came back from your other devices."
WRITTEN_ANEW = (
    "What it had forgotten comes back from your other devices, and what you changed here since then is kept: "
    "it was written anew."
)


class HistoryTeller:
    """Tells each thing once."""

    def __init__(
        self,
        device: DeviceId,
        name_of: Callable[[DeviceId], str] = lambda _device: "a device",
        tell: Tell = lambda _level, _text: None,
    ) -> None:
        self._device = device
        self._name_of = name_of
        self._tell = tell
        self._told: set[LogId] = set()

    def applied(self, applied: Applied) -> None:
        """Changes of others were taken in."""
        own = [fork for fork in applied.forks if log_device(fork.log) == self._device]
        if applied.set_back and not own:
            self.set_back(wrote_on=False)
        for fork in applied.forks:
            if log_device(fork.log) != self._device and fork.log not in self._told:
                self._told.add(fork.log)
                self._tell(
                    "warning",
                    f"{self._name_of(log_device(fork.log))} was set back to an older state, from a backup perhaps. "
                    "What it changed since then is taken in once it has met one of your devices and sorted that out.",
                )

    def alone(self) -> None:
        """By this device's clock nothing was changed in the library for long (node/catalog/hlc.py, `is_doubted`)."""
        self._tell(
            "info",
            "By this clock your library was not changed anywhere for over a month. If the clock is wrong, set it. "
            "Where you and another device change the same thing before this one has heard from the others, theirs is "
            "shown, and yours is kept beside it.",
        )

    def set_back(self, *, wrote_on: bool) -> None:
        """It is this device; whether it had changed something before it noticed."""
        self._tell("warning", SET_BACK + (WRITTEN_ANEW if wrote_on else FORGOTTEN))
