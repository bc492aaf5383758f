"""Every file of a finished index read whole: what a search needs, and the shards that an addition needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from geoflood.core.datatypes import Progress, no_progress
from geoflood.database.file_checks import FileCheck, check_whole
from geoflood.database.ledger_facts import LedgerFacts
from geoflood.database.manifest import Manifest
from geoflood.database.patch_store import has_patches, patches_path
from geoflood.database.shards import read_shard, shard_path

__all__ = ["check_index"]


def check_index(folder: Path, manifest: Manifest, progress: Progress = no_progress) -> Iterator[FileCheck]:
    """What came of each file; of patches, those that are missing or cut.

    Where there is no ledger, no shards are expected. Raises IndexUnusableError for a damaged ledger.
    """
    with LedgerFacts(folder) as ledger:
        shards = ledger.shards()
    total = len(manifest.files) + len(shards)
    for done, check in enumerate(check_whole(folder, manifest), 1):
        progress("checking", done, total)
        yield check
    for done, number in enumerate(shards, len(manifest.files) + 1):
        yield from _check_shard(folder, number)
        progress("checking", done, total)


def _check_shard(folder: Path, number: int) -> Iterator[FileCheck]:
    path, patches = shard_path(folder, number), patches_path(folder, number)
    shard = read_shard(path)
    if shard is None:
        yield FileCheck(f"shards/{path.name}", 0, "cut or damaged" if path.is_file() else "missing")
        return
    yield FileCheck(f"shards/{path.name}", path.stat().st_size)
    if shard.frame.any() and not has_patches(folder, number, int(shard.patches.sum())):
        yield FileCheck(f"patches/{patches.name}", 0, "missing or cut")
