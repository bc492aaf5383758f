"""From a backbone's name to a Describer, and what a backbone learns from a city.

`rootsift` learns its words from the city; every backbone can learn a projection. Only here a name becomes a
Describer, so precision and batches are decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from geoflood.backbones import published
from geoflood.backbones.catalog import find
from geoflood.backbones.compute import Compute
from geoflood.backbones.describe import Describer, WeightFunction
from geoflood.backbones.projection import PcaWhitening, learn_projection
from geoflood.backbones.rootsift import DIMENSION, RootSift, sample_descriptors
from geoflood.backbones.threads import side_by_side
from geoflood.backbones.vlad import Vocabulary, learn_vocabulary
from geoflood.backbones.weights import record
from geoflood.core.datatypes import Image
from geoflood.core.errors import IndexUnusableError, InputError, UsageError
from geoflood.core.files import BROKEN_ARRAYS, replacing
from geoflood.core.parallel import cores, in_order

__all__ = [
    "default_dimension",
    "learn",
    "learning_turns",
    "load_learned",
    "published_describer",
    "save_learned",
    "version_of",
]

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

SampleViews: TypeAlias = Callable[[int], Iterable[Image]]
"""Called with a count: at most so many views of the city, always the same ones, never all in memory."""

VIEWS = 1000
"""Views that the projection is learned from, at most."""
WORD_VIEWS = 600
"""Views that the words are learned from, at most."""
BANDS_A_VIEW = 2
"""Bands of a view that are sampled: neighbouring ones are so alike that a third would teach nothing."""
CHUNK = 16


def version_of(backbone: str) -> str:
    """The version that descriptors of this backbone have now; of a published one, it names the weights.

    Raises UsageError for an unknown name, WeightsError when its weights are not here.
    """
    row = find(backbone)
    return published.version(record(row).sha256) if row.file else RootSift.version


def published_describer(
    backbone: str, precision: str | None = None, models_dir: Path | None = None
) -> Describer:
    """The Describer of a published backbone, without anything learned from a city.

    Raises UsageError for `rootsift`, which needs the words of a city, and whatever `published.build` raises.
    """
    if not find(backbone).file:
        raise UsageError(f"{backbone} describes in the words of a city", "say which one: --city CITY")
    compute = Compute.best(precision)
    network = _network(backbone, compute, models_dir)
    return Describer(network, None, compute.batch, one_at_a_time=compute.one_at_a_time)


_open: WeakValueDictionary[tuple[object, ...], published.Published] = WeakValueDictionary()
_opening = Lock()


def _network(backbone: str, compute: Compute, models_dir: Path | None) -> published.Published:
    """A network that is in use already is used again: of twenty indexes it is in memory once."""
    with _opening:
        key = (backbone, compute, record(find(backbone), models_dir).sha256)
        network = _open.get(key)
        if network is None:
            network = _open[key] = published.build(backbone, compute, models_dir=models_dir)
        return network


def default_dimension(backbone: str) -> int | None:
    """The dimension that a band's descriptor is projected to by default; None: it is not projected.

    VLAD is long and redundant, and whitening it was measured to help. Published descriptors stay as they are:
    whether whitening helps them could not be measured without their weights.
    """
    return None if find(backbone).file else 512


def learn(
    backbone: str,
    sample_views: SampleViews,
    weigh: WeightFunction,
    dimension: int | None,
    precision: str | None = None,
) -> Arrays:
    """Learn from views of the city, under the weightings that references will have.

    Raises InputError when the views hold nothing to learn from.
    """
    if not find(backbone).file:
        return _learn_words(sample_views, weigh, dimension)
    if dimension is None:
        return {}
    return _learn_axes(published_describer(backbone, precision), sample_views(VIEWS), weigh, dimension)


def learning_turns(backbone: str, dimension: int | None) -> int:
    """How often `learn` goes over views of the city: for words, for a projection."""
    return (not find(backbone).file) + (dimension is not None)


def _learn_words(sample_views: SampleViews, weigh: WeightFunction, dimension: int | None) -> Arrays:
    """The words, and unless the dimension is None a projection of the descriptors made with them."""
    with side_by_side(cores()) as pool:
        chunks = _chunks(map(RootSift.prepare, sample_views(WORD_VIEWS)), CHUNK)
        found = list(in_order(pool, sample_descriptors, chunks, ahead=2 * cores()))
    try:
        vocabulary = learn_vocabulary(torch.cat([torch.empty(0, DIMENSION), *found]))
    except ValueError as error:
        message = f"nothing can be learned from the images: {error}"
        raise InputError(message, "give pictures of streets") from error
    words: dict[str, NDArray[Any]] = {"words": vocabulary.words.numpy()}
    if dimension is None:
        return words
    return words | _learn_axes(Describer(RootSift(vocabulary), None), sample_views(VIEWS), weigh, dimension)


def _learn_axes(
    describer: Describer, views: Iterable[Image], weigh: WeightFunction, dimension: int
) -> dict[str, NDArray[Any]]:
    """The projection of a backbone's descriptors; nothing when there are fewer than two views."""

    def raw(turn: int, chunk: list[Image]) -> torch.Tensor:
        return describer.raw(chunk, lambda places: _bands_of_turn(weigh(places), turn)).half()

    with side_by_side(cores()) as pool:
        chunks = enumerate(_chunks(views, CHUNK))
        found = list(in_order(pool, lambda item: raw(*item), chunks, ahead=2 * cores()))
    if sum(map(len, found)) < 2:
        return {}
    return learn_projection(torch.cat(found), dimension).arrays()


def _bands_of_turn(weights: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """BANDS_A_VIEW rows of the weights [M, L]: other ones every turn."""
    return weights[[(turn + i) % len(weights) for i in range(min(BANDS_A_VIEW, len(weights)))]]


def _chunks(views: Iterable[Image], size: int) -> Iterator[list[Image]]:
    """Lists of `size` views, the last one shorter."""
    rest = iter(views)
    while chunk := list(islice(rest, size)):
        yield chunk


def save_learned(path: Path, learned: Arrays) -> None:
    """Write learned.npz whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **learned)  # type: ignore[arg-type]


def load_learned(path: Path, backbone: str, precision: str | None = None) -> Describer:
    """The Describer of an index.

    Raises IndexUnusableError when the file is damaged, WeightsError when the weights are not here.
    """
    has_words = not find(backbone).file
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            projection = PcaWhitening.of(arrays) if "mean" in arrays else None
            if has_words:
                vocabulary = Vocabulary(torch.from_numpy(arrays["words"]))
    except BROKEN_ARRAYS as error:
        raise IndexUnusableError(
            f"{path} is damaged: {error!s:.100}", "build it again with --rebuild"
        ) from error
    if has_words:
        return Describer(RootSift(vocabulary), projection)
    describer = published_describer(backbone, precision)
    describer.projection = projection
    return describer
