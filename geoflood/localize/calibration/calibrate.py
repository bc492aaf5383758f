"""Every index calibrates itself when it is sealed; labelled queries can refine that later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import load_learned
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import LatLon, Progress, no_progress
from geoflood.core.errors import InputError
from geoflood.core.parallel import cores
from geoflood.database.calibration import Calibration, CalibrationKey
from geoflood.database.database import read_captures, read_references
from geoflood.database.manifest import Manifest, Settings, read_manifest, write_manifest
from geoflood.database.patch_store import PatchStore
from geoflood.database.plan import locked_index
from geoflood.database.vectors import VectorStore
from geoflood.localize.calibration.fit import Captures, Group, RehearsalQueries, calibrate
from geoflood.localize.calibration.pseudo_queries import (
    PseudoQuery,
    chosen,
    make,
    photos_as_sources,
    references_as_sources,
    rehearsal_queries,
    rehearsal_queries_with_inliers,
)
from geoflood.localize.calibration.rehearsal_plan import RehearsalPlan
from geoflood.localize.rerank import Reranker
from geoflood.localize.waterline import beliefs

__all__ = ["refine", "self_calibrate"]

PLAN = RehearsalPlan()
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
    path = folder / "references.sqlite"
    sources = references_as_sources(read_references(path, chosen(len(read_captures(path)[0]), plan.sources)))
    queries = make(describer, settings.bands, sources, workers, progress)
    return _rehearse(folder, describer, settings.bands, queries, workers, progress, plan)


def refine(
    folder: Path,
    photos: Sequence[tuple[Path, LatLon]],
    workers: int,
    progress: Progress = no_progress,
    plan: RehearsalPlan = PLAN,
) -> Calibration:
    """Calibrate a finished index with labelled photos in place of its references; returns all its numbers.

    A waterline that too few of the photos show keeps its numbers. Raises InputError when that is true of all
    waterlines, or when photos are references themselves: finding those proves nothing.
    """
    with locked_index(folder):
        manifest = read_manifest(folder)
        settings = manifest.settings
        describer = load_learned(folder / "learned.npz", settings.backbone)
        sources = photos_as_sources(photos)
        made = make(describer, settings.bands, sources, workers, progress)
        if copies := _copies(VectorStore(folder / "vectors.faiss", len(settings.bands)), made):
            raise InputError(
                f"not calibrated: {copies} of the {len(photos)} photos are references of this index",
                "give photos that were not indexed, best of another day",
            )
        before = manifest.calibration
        learned = _rehearse(folder, describer, settings.bands, made, workers, progress, plan, before)
        refined = {key: replace(entry, labelled=True) for key, entry in learned.items() if not entry.few}
        if not refined:
            raise InputError(
                f"not calibrated: too few of the {len(photos)} photos show places of this index",
                f"{plan.enough} or more are needed",
            )
        calibration = dict(before) | refined
        write_manifest(folder, replace(manifest, calibration=calibration))
    return calibration


def _rehearse(
    folder: Path,
    describer: Describer,
    bands: Sequence[int],
    made: Sequence[PseudoQuery],
    workers: int,
    progress: Progress,
    plan: RehearsalPlan,
    before: Calibration = MappingProxyType({}),
) -> Calibration:
    find = partial(_reference, folder / "references.sqlite")
    progress("comparing", 0, 0)
    with side_by_side(max(workers, cores())) as pool:
        reranker = Reranker(describer.backbone, bands, pool, PatchStore(folder))
        counted = rehearsal_queries_with_inliers(made, reranker, find, plan.re_ranked)
        return _fit_all(folder, bands, rehearsal_queries(made), counted, before, plan.enough)


def _copies(store: VectorStore, made: Sequence[PseudoQuery]) -> int:
    """How many dry photos are some reference's very picture, whatever their file is called."""
    dry = [one.descriptors for one in made if not one.level]
    if not dry:
        return 0
    whole = np.eye(store.bands, dtype=np.float32)[0]
    return int((store.search(np.stack(dry), whole, 1)[0] > COPY).sum())


def _reference(path: Path, number: int) -> Any:
    return read_references(path, [number])[0]


def _fit_all(
    folder: Path,
    bands: Sequence[int],
    plain: RehearsalQueries,
    counted: RehearsalQueries,
    before: Calibration,
    enough: int,
) -> Calibration:
    """Entries of searches as they are, and of those that are re-ranked.

    A waterline with too few trials takes what was known `before` into its re-ranked entry.
    """
    captures = Captures(*read_captures(folder / "references.sqlite"))
    store = VectorStore(folder / "vectors.faiss", len(bands))
    known = [Group(CalibrationKey(band), belief) for band, belief in beliefs(bands).items()]
    found = calibrate(store, captures, plain, [[group] for group in known], enough)
    standing = {key: entry for key, entry in before.items() if key in found and found[key].few}
    learned = {**found, **standing}
    untold, *told = (
        Group(CalibrationKey(group.key.band, reranked=True), group.belief, learned[group.key].params)
        for group in known
    )
    # Of inliers there are fewer trials: the bands learn together what theirs say.
    return found | calibrate(store, captures, counted, [[untold], told], enough)
