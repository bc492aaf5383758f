"""What is in an archive, listed once: names as the folder has them, and what of it is not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Protocol

from geoflood.triage.posts.unusable import Unusable

__all__ = ["ARCHIVE_BOMB", "BOMB", "MAX_MEMBERS", "Archive", "Member", "clean", "is_bomb", "refusal"]

MAX_MEMBERS = 500_000
"""Of one archive; the list of them is held in memory."""
BOMB = (64_000_000, 200)
"""From so many bytes on, more than so many per packed byte are a bomb: JSON packs 10 to 30 times."""
ARCHIVE_BOMB = (1_000_000_000, 50)
"""The same of all members together: many small ones, or the same bytes listed many times."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, as its list has it."""

    name: str
    """With /, whatever the archive parts names with."""
    size: int
    """Bytes when unpacked, as the list says."""
    packed: int | None = None
    """Bytes in the archive; None where all of it is packed in one piece."""
    encrypted: bool = False
    link: bool = False
    special: bool = False
    """A pipe, a device, a file with holes."""


class Archive(Protocol):
    """An archive that stays open while it is read; what is wrong with it is raised."""

    @property
    def members(self) -> Iterator[Member]:
        """Its files, in the order of its list."""
        ...

    def opened(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """The bytes of the last member of that name, unpacked while they are read."""
        ...

    def close(self) -> None:
        """No member is opened any more."""
        ...


def clean(name: str) -> str:
    """A member's name with / between its parts, and nothing before the first."""
    parted = name.replace("\\", "/")
    while parted.startswith("./"):
        parted = parted[2:].lstrip("/")
    return parted


def refusal(member: Member) -> Unusable | None:
    """Why a member is not read; None when it is."""
    name = member.name
    if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
        return Unusable.PATH_OUT
    if member.encrypted:
        return Unusable.ENCRYPTED
    if member.link:
        return Unusable.LINK_IN_ARCHIVE
    if member.special:
        return Unusable.NOT_A_FILE
    bomb = member.packed is not None and is_bomb(member.size, member.packed, BOMB)
    return Unusable.ARCHIVE_BOMB if bomb else None


def is_bomb(unpacked: int, packed: int, limits: tuple[int, int]) -> bool:
    """Whether so few bytes unpack to so many that nobody can have meant it."""
    return unpacked > max(limits[0], limits[1] * max(packed, 1))
