"""Room on a disk, asked for before hours of work and told of in one line when it ends."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geoflood.core.errors import InputError

__all__ = ["check_room", "full_disk_told"]

SPARE = 64 << 20
"""Bytes that stay free for everybody else."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def check_room(path: Path, size: int, hint: str) -> None:
    """Raises InputError when the disk on which `path` will be has no room for so many bytes."""
    there = next(place for place in path.absolute().parents if place.is_dir())
    free = shutil.disk_usage(there).free - SPARE
    if free < size:
        raise InputError(f"{path} needs {size / 1e9:,.1f} GB, {there} has {max(free, 0) / 1e9:,.1f} GB", hint)


@contextmanager
def full_disk_told(path: Path, hint: str) -> Iterator[None]:
    """Raises InputError where the disk, a quota or the largest file that the disk takes is reached."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(f"{path}: {error.strerror}", hint) from error
