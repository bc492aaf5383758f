"""An index is made in a folder of its own, hidden beside its place, and takes its place when it is whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from geoflood.core.errors import UsageError
from geoflood.database.index_files import LOCK, is_index
from geoflood.database.plan import locked_index
from geoflood.database.remove_city import foreign_files

__all__ = ["check_free", "clear", "give_up", "restore", "staging_folder", "take_place"]


def staging_folder(folder: Path, work: str) -> Path:
    """Where the index of `folder` is made; `work` is what makes it."""
    return folder.with_name(f".{folder.name}.{work}")


def check_free(folder: Path, replace_index: bool, another: str) -> None:
    """Whether an index may be put there. Raises UsageError, which says how to take `another` name."""
    if folder.is_symlink():
        raise UsageError(f"{folder} is a link", f"geoflood rm {folder.name} first, or {another}")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", f"{another} takes another name")
    if is_index(folder) and not replace_index:
        raise UsageError(f"{folder} is there already", f"say --replace, or {another} for another name")
    if others := foreign_files(folder):
        raise UsageError(
            f"{folder} holds what geoflood did not write: {others[0]}", f"move it away, or {another}"
        )


def restore(folder: Path) -> None:
    """Finish what a kill left between the two names of an index that was being replaced."""
    old = _replaced(folder)
    if old.is_dir() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _replaced(folder: Path) -> Path:
    """Where an index is for the moment in which another one takes its place."""
    return folder.with_name(f".{folder.name}.replaced")


def give_up(staging: Path) -> None:
    """Remove all of it."""
    shutil.rmtree(staging, ignore_errors=True)


def clear(staging: Path) -> None:
    """Remove what a killed run left; under the lock."""
    for left in staging.iterdir():
        if left.name != LOCK:
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


def take_place(staging: Path, folder: Path, replace_index: bool, another: str) -> None:
    """Rename the whole index to its place; from then on it is there."""
    if hasattr(os, "sync"):
        os.sync()  # the bytes reach the disk before the name does
    check_free(folder, replace_index, another)
    if not folder.exists():
        staging.rename(folder)
        return
    old = _replaced(folder)
    with locked_index(folder):
        folder.rename(old)
        try:
            staging.rename(folder)
        except OSError:
            old.rename(folder)
            raise
    shutil.rmtree(old)
