"""Outsiders: pictures of nobody's city, as an index describes them. How alike a photo they are is a measure.

Similarity means something else in each index: its vocabulary and projection are its own. A photo's similarity
to pictures that show no place at all tells what is nothing (cohort normalisation, as in the verification of
speakers: Auckenthaler et al. 2000). The same pictures are strangers when an index calibrates itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from geoflood.backbones.describe import Describer
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import Image, Progress, Vectors, no_progress
from geoflood.core.files import BROKEN_ARRAYS, replacing
from geoflood.core.parallel import cores, in_order
from geoflood.database.bands import band_weights
from geoflood.synthetic.cohort import COUNT, cohort

__all__ = ["FILE", "Outsiders", "open_outsiders", "write_outsiders"]

FILE = "outsiders.npy"
ALIKE = 5
"""Outsiders, those most alike a photo, whose mean similarity counts."""
LONGEST = 1.01
"""A unit row's length, rounded."""


class Outsiders:
    """The outsiders of one index."""

    def __init__(self, descriptors: NDArray[Any]) -> None:
        """descriptors [n, bands, D]."""
        self._descriptors = np.array(descriptors, np.float32)

    def __len__(self) -> int:
        """n."""
        return len(self._descriptors)

    def similarity(self, query: Vectors, belief: NDArray[np.float32], without: int = -1) -> float:
        """Mean similarity of the ALIKE most alike to a query [bands, D] under a belief [bands].

        Without one outsider, for when it is the query itself.
        """
        similarities = np.einsum("nbd,bd,b->n", self._descriptors, query, belief)
        if without >= 0:
            similarities = np.delete(similarities, without)
        return float(np.sort(similarities)[-ALIKE:].mean())


def write_outsiders(
    folder: Path,
    describer: Describer,
    bands: Sequence[int],
    count: int,
    workers: int,
    progress: Progress = no_progress,
) -> Outsiders:
    """Describe so many outsiders as this index does and keep them with it."""
    descriptors = _described(describer, bands, count, workers, progress)
    with replacing(folder / FILE) as temporary, temporary.open("wb") as file:
        np.save(file, descriptors, allow_pickle=False)
    return Outsiders(descriptors)


def open_outsiders(folder: Path, describer: Describer, bands: Sequence[int], dimension: int) -> Outsiders:
    """Those that the index keeps; described anew, which takes seconds, where it has none or they broke."""
    kept: NDArray[Any]
    try:
        kept = open_memmap(folder / FILE, mode="r")
        if _sound(kept, (len(bands), dimension)):
            return Outsiders(kept)
    except BROKEN_ARRAYS:
        pass
    return Outsiders(_described(describer, bands, COUNT, cores()))


def _sound(kept: NDArray[Any], shape: tuple[int, int]) -> bool:
    """Whether they are unit rows, and enough that one may be left out; the file may be from anyone."""
    if kept.dtype != np.float16 or kept.ndim != 3 or len(kept) <= ALIKE or kept.shape[1:] != shape:
        return False
    return bool((np.linalg.norm(kept.astype(np.float32), axis=2) <= LONGEST).all())  # nor is it NaN


def _described(
    describer: Describer, bands: Sequence[int], count: int, workers: int, progress: Progress = no_progress
) -> NDArray[np.float16]:
    """[n, bands, D]; one core each, so that the same pictures give the same numbers."""
    weigh = partial(band_weights, bands=bands)

    def describe(picture: Image) -> Vectors:
        return np.asarray(describer.describe([picture], weigh)[0], np.float32)

    with side_by_side(max(workers, cores())) as pool:
        described: list[Vectors] = []
        for vectors in in_order(pool, describe, cohort(count), ahead=workers):
            described.append(vectors)
            progress("describing outsiders", len(described), count)
    return np.stack(described).astype(np.float16)
