"""Every index calibrates itself when it is sealed; labelled queries can refine that later."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import load_learned
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import LatLon, Progress, Reference, no_progress
from geoflood.core.errors import InputError
from geoflood.core.parallel import cores
from geoflood.database.calibration import Calibration, CalibrationEntry, CalibrationKey
from geoflood.database.captures import Captures, find_captures, open_captures
from geoflood.database.database import read_references
from geoflood.database.index_files import REFERENCES
from geoflood.database.manifest import Manifest, Settings, read_manifest, write_manifest
from geoflood.database.patch_store import PatchStore
from geoflood.database.plan import locked_index
from geoflood.database.vectors import VectorStore
from geoflood.localize.calibration.fit import Group, calibrate
from geoflood.localize.calibration.pseudo_queries import (
    PseudoQuery,
    chosen,
    make,
    outsiders_as_sources,
    photos_as_sources,
    references_as_sources,
    rehearsal_queries,
    with_inliers,
)
from geoflood.localize.calibration.rehearsal_plan import RehearsalPlan
from geoflood.localize.outsiders import Outsiders, open_outsiders, write_outsiders
from geoflood.localize.rerank import Reranker
from geoflood.localize.waterline import beliefs

__all__ = ["refine", "self_calibrate"]

PLAN = RehearsalPlan()
_AT_ONCE = 1000
"""References in memory."""
COPY = 0.97
"""Similarity of whole frames from which two are one picture: of two photos of a place it is 0.8 at most."""


def self_calibrate(
    folder: Path,
    describer: Describer,
    settings: Settings,
    unchanged: Manifest | None,
    workers: int,
    progress: Progress = no_progress,
    plan: RehearsalPlan = PLAN,
) -> Calibration:
    """What an index teaches itself, from its references alone; as `geoflood.database.build.Calibrate`.

    An index to which nothing was added keeps what it knew, labels included.
    """
    if unchanged and CalibrationKey(None, reranked=True) in unchanged.calibration:
        return unchanged.calibration
    outsiders = write_outsiders(folder, describer, settings.bands, plan.outsiders, workers, progress)
    captures = open_captures(folder)
    sources = references_as_sources(_pictured(folder / REFERENCES, len(captures), plan.sources))
    made = make(
        describer, settings.bands, [*sources, *outsiders_as_sources(plan.outsiders)], workers, progress
    )
    return _rehearse(folder, captures, describer, settings.bands, made, outsiders, workers, progress, plan)


def _pictured(path: Path, count: int, at_most: int) -> list[Reference]:
    """References that can play queries, spread over all; an index may keep the pictures of a few only."""
    spread = read_references(path, chosen(count, at_most))
    if all(Path(one.location).is_file() for one in spread):
        return spread
    there = lru_cache(maxsize=1)(os.path.isfile)  # a panorama's views follow each other
    kept = [
        one.id
        for start in range(0, count, _AT_ONCE)
        for one in read_references(path, range(start, min(start + _AT_ONCE, count)))
        if there(one.location)
    ]
    return read_references(path, [kept[at] for at in chosen(len(kept), at_most)]) if kept else spread


def refine(
    folder: Path,
    photos: Sequence[tuple[Path, LatLon]],
    workers: int,
    progress: Progress = no_progress,
    plan: RehearsalPlan = PLAN,
) -> Calibration:
    """Calibrate a finished index with labelled photos in place of its references; returns all its numbers.

    Raises InputError when too few of them show places of this index, or when photos are references
    themselves: finding those proves nothing.
    """
    read_manifest(folder)  # a lock in a folder of no index would be the beginning of one
    with locked_index(folder):
        manifest = read_manifest(folder)
        settings = manifest.settings
        describer = load_learned(folder / "learned.npz", settings.backbone)
        store = VectorStore(folder / "vectors.faiss", len(settings.bands))
        outsiders = open_outsiders(folder, describer, settings.bands, store.dimension)
        strangers = outsiders_as_sources(min(plan.outsiders, len(outsiders)))
        made = make(describer, settings.bands, [*photos_as_sources(photos), *strangers], workers, progress)
        labelled = [one for one in made if one.source.outsider < 0]
        if copies := _copies(store, labelled):
            raise InputError(
                f"not calibrated: {copies} of the {len(photos)} photos are references of this index",
                "give photos that were not indexed, best of another day",
            )
        captures = find_captures(folder, manifest.files)
        learned = _rehearse(
            folder, captures, describer, settings.bands, made, outsiders, workers, progress, plan
        )
        if any(entry.few for entry in learned.values()):
            raise InputError(
                f"not calibrated: too few of the {len(photos)} photos show places of this index",
                f"{plan.enough} or more are needed",
            )
        calibration = {key: replace(entry, labelled=True) for key, entry in learned.items()}
        write_manifest(folder, replace(manifest, calibration=calibration))
    return calibration


def _copies(store: VectorStore, made: Sequence[PseudoQuery]) -> int:
    """How many dry photos are some reference's very picture, whatever their file is called."""
    dry = [one.descriptors for one in made if not one.level]
    if not dry:
        return 0
    whole = np.eye(store.bands, dtype=np.float32)[0]
    return int((store.search(np.stack(dry), whole, 1)[0] > COPY).sum())


def _rehearse(
    folder: Path,
    captures: Captures,
    describer: Describer,
    bands: Sequence[int],
    made: Sequence[PseudoQuery],
    outsiders: Outsiders,
    workers: int,
    progress: Progress,
    plan: RehearsalPlan,
) -> Calibration:
    """Entries of searches as they are, and of those that are re-ranked."""
    path, store = folder / REFERENCES, VectorStore(folder / "vectors.faiss", len(bands))
    entries: dict[CalibrationKey, CalibrationEntry] = {}
    with side_by_side(max(workers, cores())) as pool:
        reranker = Reranker(pool, PatchStore(folder))
        compared = with_inliers(made, reranker, partial(read_references, path))
        kinds = (
            (False, "searching", plan.prior, rehearsal_queries(made)),
            (True, "comparing", plan.reranked_prior, compared),
        )
        for reranked, stage, prior, queries in kinds:
            groups = [
                Group(CalibrationKey(band, reranked), belief) for band, belief in beliefs(bands).items()
            ]
            entries |= calibrate(
                store, captures, queries, outsiders, groups, prior, plan.enough, partial(progress, stage)
            )
    return entries
