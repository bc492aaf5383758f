"""The one door between what strangers wrote and the batch: behind it a file may break any reader.

Libraries raise what no list foresees: a damaged LZMA member, a link that leads to itself, a recursion. So
nothing is listed here. Whatever a reader raises becomes a row with a reason, and the next file is another's.
What is nobody's file's fault passes: Ctrl-C, the end of the program, and a disk that is full.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import TypeVar

from geoflood.core.datatypes import Rejected
from geoflood.triage.posts.unusable import Unusable

__all__ = ["UnusableError", "attempt", "guarded", "row_of"]

T = TypeVar("T")

DISK_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


class UnusableError(Exception):
    """A file that a reader gives up, with the reason that is told."""

    def __init__(self, reason: Unusable, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail


def row_of(error: Exception, location: str, reason: Unusable = Unusable.CANNOT_BE_READ) -> Rejected:
    """What is told of a file that broke its reader. Raises the error again where the disk is full."""
    match error:
        case UnusableError():
            return Rejected(location, error.reason, error.detail)
        case OSError(errno=number) if number in DISK_FULL:
            raise error
        case MemoryError():
            return Rejected(location, reason, "it takes more memory than there is")
        case EOFError():
            return Rejected(location, reason, str(error) or "it breaks off before its end")
        case RecursionError():
            return Rejected(location, Unusable.TOO_DEEP)
        case OSError(strerror=str(told)):
            return Rejected(location, reason, told)
    kind, said = type(error).__name__, " ".join(str(error).split())
    return Rejected(location, reason, f"{kind}: {said}"[:160].removeprefix("error: ").removesuffix(": "))


def attempt(work: Callable[[], T], location: str, reason: Unusable = Unusable.CANNOT_BE_READ) -> T | Rejected:
    """What the work returns, or the row that says why it could not."""
    try:
        return work()
    except Exception as error:  # the door
        return row_of(error, location, reason)


def guarded(
    found: Iterator[T], location: str, reason: Unusable = Unusable.CANNOT_BE_READ
) -> Iterator[T | Rejected]:
    """All that is found; where the finding breaks off, the row that says why is the last."""
    try:
        yield from found
    except Exception as error:  # the door
        yield row_of(error, location, reason)
