"""Every index calibrates itself when it is sealed; labelled queries can refine that later."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import load_learned
from geoflood.backbones.threads import cores, side_by_side
from geoflood.core.datatypes import LatLon, Matching, Progress, unwatched
from geoflood.core.errors import InputError
from geoflood.database.database import read_captures, read_references
from geoflood.database.manifest import read_manifest, write_manifest
from geoflood.database.plan import locked
from geoflood.database.vectors import VectorStore
from geoflood.localize.calibration.fit import ENOUGH, Asked, Captures, Group, calibrate
from geoflood.localize.calibration.pseudo_queries import (
    Played,
    asked,
    asked_with_inliers,
    chosen,
    photos_as_actors,
    play,
    references_as_actors,
)
from geoflood.localize.fusion import Trust
from geoflood.localize.rerank import Reranker, matcher
from geoflood.localize.waterline import UNTOLD, beliefs, reranked

__all__ = ["refine", "self_calibrate"]

COPY = 0.97
"""Similarity of whole frames from which two are one picture: of two photos of a place it is 0.8 at most."""


def self_calibrate(
    folder: Path,
    describer: Describer,
    bands: Sequence[int],
    workers: int,
    progress: Progress = unwatched,
    matchings: Collection[Matching] = (Matching.DENSE,),
) -> dict[str, Any]:
    """Numbers for the manifest from the references alone; needs references.sqlite and vectors.faiss.

    For each of `matchings` the index learns what its inliers are worth.
    """
    path = folder / "references.sqlite"
    actors = references_as_actors(read_references(path, chosen(len(read_captures(path)[0]))))
    played = play(describer, bands, actors, workers, progress)
    return _rehearsed(folder, describer, bands, played, workers, progress, matchings)


def refine(
    folder: Path, photos: Sequence[tuple[Path, LatLon]], workers: int, progress: Progress = unwatched
) -> dict[str, Any]:
    """Calibrate a finished index with labelled photos in place of its references; returns all its numbers.

    What too few of the photos speak of is left as it was, and inliers are learned for DENSE only. Raises
    InputError when that is everything, or when photos are references themselves: finding those is no art.
    """
    with locked(folder):
        manifest = read_manifest(folder)
        settings = manifest.settings
        describer = load_learned(folder / "learned.npz", settings.backbone)
        actors = photos_as_actors(photos)
        played = play(describer, settings.bands, actors, workers, progress)
        if copies := _copies(VectorStore(folder / "vectors.faiss", len(settings.bands)), played):
            raise InputError(
                f"not calibrated: {copies} of the {len(photos)} photos are references of this index",
                "give photos that were not indexed, best of another day",
            )
        before, dense = manifest.calibration, (Matching.DENSE,)
        learned = _rehearsed(folder, describer, settings.bands, played, workers, progress, dense, before)
        refined = {name: told | {"labelled": True} for name, told in learned.items() if not told.get("few")}
        if not refined:
            raise InputError(
                f"not calibrated: too few of the {len(photos)} photos show places of this index",
                f"{ENOUGH} or more are needed",
            )
        numbers = dict(before) | refined
        write_manifest(folder, replace(manifest, calibration=numbers))
    return numbers


def _rehearsed(
    folder: Path,
    describer: Describer,
    bands: Sequence[int],
    played: Sequence[Played],
    workers: int,
    progress: Progress,
    matchings: Collection[Matching],
    before: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    find = partial(_reference, folder / "references.sqlite")
    progress("comparing", 0, 0)
    with side_by_side(max(workers, cores())) as pool:
        counted: dict[Matching, Asked] = {}
        for matching in matchings:
            reranker = Reranker(matcher(matching, describer.backbone), bands, 0, pool)
            counted[matching] = asked_with_inliers(played, reranker, find, matching)
        return _calibration(folder, bands, asked(played), counted, before)


def _copies(store: VectorStore, played: Sequence[Played]) -> int:
    """How many dry photos are some reference's very picture, whatever their file is called."""
    dry = [one.descriptors for one in played if not one.level]
    if not dry:
        return 0
    whole = np.eye(store.bands, dtype=np.float32)[0]
    return int((store.search(np.stack(dry), whole, 1)[0] > COPY).sum())


def _reference(path: Path, number: int) -> Any:
    return read_references(path, [number])[0]


def _calibration(
    folder: Path,
    bands: Sequence[int],
    plain: Asked,
    counted: Mapping[Matching, Asked],
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """Numbers for the manifest: of searches as they are, and of those that are re-ranked.

    Where too few trials speak of a waterline, what was known of it `before` goes into the latter.
    """
    captures = Captures(*read_captures(folder / "references.sqlite"))
    store = VectorStore(folder / "vectors.faiss", len(bands))
    known = [
        Group(name, belief, None if name == UNTOLD else int(name)) for name, belief in beliefs(bands).items()
    ]
    numbers = calibrate(store, captures, plain, [[group] for group in known])
    standing = {name: told for name, told in before.items() if numbers.get(name, {}).get("few")}
    learned = {group.name: Trust.of({**numbers, **standing}[group.name]) for group in known}
    for matching, some in counted.items():
        untold, *told = (
            group._replace(name=reranked(group.name, matching), plain=learned[group.name]) for group in known
        )  # of inliers there are fewer trials: the bands learn together what theirs say
        numbers |= calibrate(store, captures, some, [[untold], told])
    return numbers
