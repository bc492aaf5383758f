"""Every index calibrates itself when it is sealed; labelled queries can refine that later."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import load_learned
from geoflood.backbones.threads import cores, side_by_side
from geoflood.errors import InputError
from geoflood.fusion.calibration import ENOUGH, Asked, Captures, Group, calibrate
from geoflood.fusion.estimate import Trust
from geoflood.pseudoqueries import (
    Actor,
    asked,
    asked_with_inliers,
    chosen,
    photos_as_actors,
    play,
    references_as_actors,
)
from geoflood.reference.database import read_captures, read_references
from geoflood.reference.ledger import locked
from geoflood.reference.manifest import read_manifest, write_manifest
from geoflood.reference.vectors import VectorStore
from geoflood.reranking import Reranker, matcher
from geoflood.terms import LatLon, Matching, Progress, unwatched
from geoflood.waterline import UNTOLD, beliefs, reranked

__all__ = ["refine", "self_calibrate"]


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
    return _rehearsed(folder, describer, bands, actors, workers, progress, matchings)


def refine(
    folder: Path, photos: Sequence[tuple[Path, LatLon]], workers: int, progress: Progress = unwatched
) -> dict[str, Any]:
    """Calibrate a finished index with labelled photos in place of its references; returns all its numbers.

    What too few of the photos speak of is left as it was. Raises InputError when that is everything.
    """
    with locked(folder):
        manifest = read_manifest(folder)
        settings = manifest.settings
        describer = load_learned(folder / "learned.npz", settings.backbone)
        actors = photos_as_actors(photos)
        dense = (Matching.DENSE,)
        learned = _rehearsed(folder, describer, settings.bands, actors, workers, progress, dense)
        refined = {name: told | {"labelled": True} for name, told in learned.items() if not told.get("few")}
        if not refined:
            raise InputError(
                f"not calibrated: too few of the {len(photos)} photos show places of this index",
                f"{ENOUGH} or more are needed",
            )
        numbers = dict(manifest.calibration) | refined
        write_manifest(folder, replace(manifest, calibration=numbers))
    return numbers


def _rehearsed(
    folder: Path,
    describer: Describer,
    bands: Sequence[int],
    actors: Sequence[Actor],
    workers: int,
    progress: Progress,
    matchings: Collection[Matching],
) -> dict[str, Any]:
    played = play(describer, bands, actors, workers, progress)
    find = partial(_reference, folder / "references.sqlite")
    progress("comparing", 0, 0)
    with side_by_side(max(workers, cores())) as pool:
        counted: dict[Matching, Asked] = {}
        for matching in matchings:
            reranker = Reranker(matcher(matching, describer.backbone), bands, 0, pool)
            counted[matching] = asked_with_inliers(played, reranker, find, matching)
        return _calibration(folder, bands, asked(played), counted)


def _reference(path: Path, number: int) -> Any:
    return read_references(path, [number])[0]


def _calibration(
    folder: Path, bands: Sequence[int], plain: Asked, counted: Mapping[Matching, Asked]
) -> dict[str, Any]:
    """Numbers for the manifest: of searches as they are, and of those that are re-ranked."""
    captures = Captures(*read_captures(folder / "references.sqlite"))
    store = VectorStore(folder / "vectors.faiss", len(bands))
    known = [
        Group(name, belief, None if name == UNTOLD else int(name)) for name, belief in beliefs(bands).items()
    ]
    numbers = calibrate(store, captures, plain, [[group] for group in known])
    learned = {group.name: Trust.of(numbers[group.name]) for group in known}
    for matching, some in counted.items():
        untold, *told = (
            group._replace(name=reranked(group.name, matching), plain=learned[group.name]) for group in known
        )  # of inliers there are fewer trials: the bands learn together what theirs say
        numbers |= calibrate(store, captures, some, [[untold], told])
    return numbers
