"""Who should hold what: facts and the time in, copies, audits and drops out. No socket, file, clock or randomness."""

from node.placement.copying import plan_copies
from node.placement.dropping import check_drop, plan_drops
from node.placement.facts import Audit, Blob, Copy, Device, Drop, Proven
from node.placement.locks import Locks
from node.placement.questions import plan_audits
from node.placement.steady import SteadyClock
from node.placement.trash import Trash, is_much

__all__ = [
    "Audit",
    "Blob",
    "Copy",
    "Device",
    "Drop",
    "Locks",
    "Proven",
    "SteadyClock",
    "Trash",
    "check_drop",
    "is_much",
    "plan_audits",
    "plan_copies",
    "plan_drops",
]
