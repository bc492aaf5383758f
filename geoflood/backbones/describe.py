"""The Describer: upright images in, descriptors out, under any number of weightings at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from geoflood.backbones.interface import Backbone, Features
from geoflood.backbones.patches import Patches, patches, patches_of
from geoflood.backbones.projection import PcaWhitening
from geoflood.backbones.threads import side_by_side
from geoflood.backbones.vlad import Local
from geoflood.core.datatypes import Image, Vectors
from geoflood.core.errors import InputError
from geoflood.core.files import replacing
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.core.parallel import in_order

__all__ = [
    "DescribedFile",
    "DescribedImage",
    "Describer",
    "EnergyWeights",
    "FeatureBatch",
    "WeightFunction",
    "WeightFunctions",
    "describe_together",
    "write_descriptors",
]

WeightFunction: TypeAlias = Callable[[NDArray[Any]], NDArray[np.float32]]
"""Places [L, 2] (x, y shares of the frame) -> weights [M, L], one row a waterline band."""


@dataclass(frozen=True)
class EnergyWeights:
    """A weight function that also needs the energy of each location: see `Backbone.energy`."""

    function: Callable[[NDArray[Any], NDArray[np.float32]], NDArray[np.float32]]
    """(places [L, 2], energy [L]) -> weights [M, L]."""


WeightFunctions: TypeAlias = WeightFunction | Sequence[WeightFunction | EnergyWeights]
"""One for all images, or one for each image; all give the same M."""

DescribedFile: TypeAlias = tuple[Path, Vectors | UnreadableImageError]
"""A file and its descriptors [M, D], or why there are none."""


@dataclass(frozen=True, eq=False)
class DescribedImage:
    """An image after one pass over its pixels."""

    pixels: Image
    descriptors: Vectors
    """[M, D], unit rows."""
    patches: Callable[[], Patches]
    """Makes its patches; of `rootsift` features they are parts."""


@dataclass(frozen=True, eq=False)
class FeatureBatch:
    """Images that went through the backbone together."""

    images: Sequence[int]
    """Their numbers among those that were given."""
    features: Features
    shape: tuple[int, int]
    """(height, width) of each as the backbone took it."""

    def patches(self, image: int) -> Callable[[], Patches] | None:
        """Makes those of one of them, by its place here; None where features are none that patches are of."""
        if not isinstance(self.features.values, Local):
            return None
        return partial(patches_of, self.features, image, self.shape)


class Describer:
    """A backbone and what it learned from a city. Calls from several threads may overlap.

    `batch` images go through the backbone at once. With `one_at_a_time` only one thread computes while the
    others read, resize and wait for their turn, as a graphics processor needs it.
    """

    def __init__(
        self,
        backbone: Backbone,
        projection: PcaWhitening | None,
        batch: int = 4,
        *,
        one_at_a_time: bool = False,
    ) -> None:
        self.backbone = backbone
        self.projection = projection
        self.batch = batch
        self._turn: AbstractContextManager[Any] = Lock() if one_at_a_time else nullcontext()

    def raw(self, images: Sequence[Image], weigh: WeightFunctions) -> torch.Tensor:
        """Descriptors [N, M, D] as the backbone gives them, before any projection."""
        rows: list[torch.Tensor] = [torch.empty(0)] * len(images)
        for seen in self.features(images):
            for image, row in zip(seen.images, self.aggregate(seen, weigh), strict=True):
                rows[image] = row
        return torch.stack(rows)

    def features(self, images: Sequence[Image]) -> Iterator[FeatureBatch]:
        """Local features of images, those that share a size together; any order.

        Until the next ones are asked for it is this thread's turn, in which it aggregates them.
        """
        prepared = [self.backbone.prepare(image) for image in images]
        for numbers in _batches([image.shape for image in prepared], self.batch):
            pixels = torch.from_numpy(np.stack([prepared[i] for i in numbers]))
            with torch.inference_mode(), self._turn:
                features = self.backbone.features(pixels.permute(0, 3, 1, 2).float().div_(255))
                yield FeatureBatch(numbers, features, prepared[numbers[0]].shape[:2])

    def aggregate(self, seen: FeatureBatch, weigh: WeightFunctions) -> torch.Tensor:
        """Descriptors [B, M, D] of features that this backbone has made, before any projection."""
        with torch.inference_mode():
            return self.backbone.aggregate(seen.features, self._weights(seen.features, weigh, seen.images))

    def _weights(self, features: Features, weigh: WeightFunctions, chunk: Sequence[int]) -> torch.Tensor:
        """Weights [1, M, L] for all images, or [B, M, L] for those of a chunk."""
        places = features.places.numpy()
        if callable(weigh):
            return torch.from_numpy(weigh(places))[None]
        functions = [weigh[i] for i in chunk]
        needs_energy = any(isinstance(function, EnergyWeights) for function in functions)
        energies = self.backbone.energy(features).numpy() if needs_energy else np.empty((len(functions), 0))
        rows = [
            function.function(places, energy) if isinstance(function, EnergyWeights) else function(places)
            for function, energy in zip(functions, energies, strict=True)
        ]
        return torch.from_numpy(np.stack(rows))

    def describe(self, images: Sequence[Image], weigh: WeightFunctions) -> Vectors:
        """Descriptors [N, M, D] with unit rows; images may differ in size and in their weights."""
        return self.projected(self.raw(images, weigh))

    def describe_keeping(self, images: Sequence[Image], weigh: WeightFunctions) -> list[DescribedImage]:
        """The same, one value an image that keeps its features, so that its patches can be compared."""
        found: dict[int, DescribedImage] = {}
        for seen in self.features(images):
            rows = self.projected(self.aggregate(seen, weigh))
            for n, (image, row) in enumerate(zip(seen.images, rows, strict=True)):
                make_patches = seen.patches(n) or partial(patches, images[image])
                found[image] = DescribedImage(images[image], row, make_patches)
        return [found[image] for image in range(len(images))]

    def projected(self, raw: torch.Tensor) -> Vectors:
        """Descriptors [B, M, D] as the backbone gives them, as this city's index has them."""
        projected = raw if self.projection is None else self.projection.apply(raw)
        return projected.float().numpy()

    def describe_files(
        self, paths: Sequence[Path], weigh: WeightFunction, longest: int, workers: int
    ) -> Iterator[DescribedFile]:
        """Descriptors of picture files, in their order; `workers` threads, each from file to descriptor.

        Files are decoded to at most `longest` pixels a side.
        """
        chunks = (paths[start : start + self.batch] for start in range(0, len(paths), self.batch))
        describe = partial(self._describe_chunk, weigh=weigh, longest=longest)
        with side_by_side(workers) as pool:
            for described in in_order(pool, describe, chunks, ahead=2 * workers):
                yield from described

    def _describe_chunk(
        self, paths: Sequence[Path], weigh: WeightFunction, longest: int
    ) -> list[DescribedFile]:
        read = [_read(path, longest) for path in paths]
        images = [image for image in read if isinstance(image, np.ndarray)]
        vectors = iter(self.describe(images, weigh) if images else ())
        return [
            (path, next(vectors) if isinstance(image, np.ndarray) else image)
            for path, image in zip(paths, read, strict=True)
        ]


def describe_together(
    describers: Sequence[Describer], images: Sequence[Image], weigh: Sequence[WeightFunctions], keep: bool
) -> list[list[DescribedImage]]:
    """Images as each of several describers describes them: [describers][images]; each has its weights.

    What agrees is computed once: local features where backbone and version are the same, aggregation where
    network or words and weights are the same objects, and the patches of a photo. keep: features stay, so
    that patches are parts of them where they can be.
    """
    rows: list[dict[int, Vectors]] = [{} for _ in describers]
    parts: dict[int, Callable[[], Patches]] = {}
    alike = defaultdict[tuple[str, str], list[int]](list)
    for n, describer in enumerate(describers):
        alike[describer.backbone.name, describer.backbone.version].append(n)
    for numbers in alike.values():
        for seen in describers[numbers[0]].features(images):
            raw: dict[tuple[int, int], torch.Tensor] = {}
            for n in numbers:
                key = id(describers[n].backbone), id(weigh[n])
                if key not in raw:
                    raw[key] = describers[n].aggregate(seen, weigh[n])
                rows[n] |= dict(zip(seen.images, describers[n].projected(raw[key]), strict=True))
            made = [seen.patches(place) if keep else None for place in range(len(seen.images))]
            parts |= {image: make for image, make in zip(seen.images, made, strict=True) if make}
    shared = [cache(parts.get(number) or partial(patches, image)) for number, image in enumerate(images)]
    return [
        [DescribedImage(image, row[number], shared[number]) for number, image in enumerate(images)]
        for row in rows
    ]


def write_descriptors(path: Path, described: Sequence[tuple[Path, Vectors]], backbone: Backbone) -> None:
    """Write names [N], descriptors float32 [N, D], and the backbone with its version, as NPZ.

    Raises InputError when the file cannot be written.
    """
    arrays = {
        "names": np.array([str(name) for name, _ in described], np.str_),
        "descriptors": np.stack([vector for _, vector in described]),
        "backbone": np.array(backbone.name),
        "version": np.array(backbone.version),
    }
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", "give another --out") from error


def _read(path: Path, longest: int) -> Image | UnreadableImageError:
    try:
        return read_image(path, longest)
    except UnreadableImageError as error:
        return error


def _batches(shapes: Sequence[tuple[int, ...]], size: int) -> Iterator[list[int]]:
    """Numbers of images that share a shape, at most `size` at once; the same for the same input."""
    order = sorted(range(len(shapes)), key=lambda i: (shapes[i], i))
    for _, group in groupby(order, key=lambda i: shapes[i]):
        same = list(group)
        yield from (same[start : start + size] for start in range(0, len(same), size))
