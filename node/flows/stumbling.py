"""Our own mistakes over one file, told with the file like its own faults are, so that the others go on."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from node.errors import DamagedError, SongkeepError, StorageError
from node.log import kind_and_place

P = ParamSpec("P")
R = TypeVar("R")

_OF_THE_SYSTEM: Final = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)
"""What no file is to blame for, and what may be over soon."""


class StumbledError(DamagedError):
    """Songkeep's code failed over a file in a way that nobody thought of."""


def blamed_on_its_file(work: Callable[P, R]) -> Callable[P, R]:
    """`work` on one file, raising only our errors: StumbledError for any other, StorageError if the system refused."""

    @functools.wraps(work)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except SongkeepError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
                raise StorageError(f"the system refused ({error.strerror})") from error
            place = kind_and_place(error).partition("; by ")[0]
            raise StumbledError(f"Songkeep stumbled over it ({place})") from error

    return guarded
