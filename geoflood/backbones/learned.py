"""What a backbone learns from a city: the vocabulary of `rootsift`, and any backbone's projection."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from geoflood.backbones.describe import Describer, Weigh
from geoflood.backbones.projection import Projection, learn_projection
from geoflood.backbones.rootsift import DIMENSION, RootSift, sampled
from geoflood.backbones.threads import cores, side_by_side
from geoflood.backbones.vlad import Vocabulary, learn_vocabulary
from geoflood.errors import IndexUnusableError, InputError, UsageError
from geoflood.files import replacing
from geoflood.terms import Image

__all__ = ["learn", "load_learned", "save_learned", "version_of"]

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

VIEWS = 1000
"""Views that are learned from, at most."""
CHUNK = 16


def version_of(backbone: str) -> str:
    """The version that descriptors of this backbone have now. Raises UsageError for an unknown name."""
    if backbone != RootSift.name:
        raise UsageError(f"no backbone is called {backbone!r}", f"there is: {RootSift.name}")
    return RootSift.version


def learn(backbone: str, views: Iterable[Image], weigh: Weigh, dimension: int | None) -> Arrays:
    """Learn from views of the city, under the weightings that references will have.

    Raises InputError when they show nothing at all.
    """
    version_of(backbone)
    prepared = [RootSift.prepare(view) for view in islice(views, VIEWS)]
    chunks = [prepared[start : start + CHUNK] for start in range(0, len(prepared), CHUNK)]
    with side_by_side(cores()) as pool:
        samples = torch.cat([torch.empty(0, DIMENSION), *pool.map(sampled, chunks)])
        try:
            vocabulary = learn_vocabulary(samples)
        except ValueError as error:
            raise InputError(
                f"nothing can be learned from the images: {error}", "give pictures of streets"
            ) from error
        learned = {"words": vocabulary.words.numpy()}
        if dimension is None or len(prepared) < 2:
            return learned
        describer = Describer(RootSift(vocabulary), None)
        raw = torch.cat(list(pool.map(lambda chunk: describer.raw(chunk, weigh).half(), chunks)))
    return learned | learn_projection(raw, dimension).arrays()


def save_learned(path: Path, learned: Arrays) -> None:
    """Write learned.npz whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **learned)  # type: ignore[arg-type]


def load_learned(path: Path, backbone: str) -> Describer:
    """The Describer of an index. Raises IndexUnusableError when the file is damaged."""
    version_of(backbone)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            vocabulary = Vocabulary(torch.from_numpy(arrays["words"]))
            projection = Projection.of(arrays) if "mean" in arrays else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise IndexUnusableError(
            f"{path} is damaged: {error!s:.100}", "build it again with --rebuild"
        ) from error
    return Describer(RootSift(vocabulary), projection)
