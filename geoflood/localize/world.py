"""Photos -> where on Earth they may be, without any index of the place: `geoflood world`.

The gallery has holes where floods are, so the places of all indexes are added to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from geoflood.backbones.compute import Compute
from geoflood.backbones.kept_gallery import KeptGallery, encode, load_encoder, open_gallery
from geoflood.backbones.photo_encoder import PhotoEncoder, load_photo_encoder
from geoflood.core.datatypes import Image, Progress, Vectors, no_progress
from geoflood.core.errors import WeightsError
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.core.world_cells import WorldAnswer, WorldBelief, cells_of
from geoflood.localize.world_prior import (
    WEIGHT,
    Floats,
    Rows,
    city_places,
    cosines,
    elsewhere,
    world_belief,
    world_log_odds,
)
from geoflood.places.world_map import WorldMap, read_world_map

__all__ = ["WorldLocator", "WorldPrior"]

_DAMAGED = "a cosine is not a number: the weights or what was kept of them are damaged"


class WorldLocator:
    """GeoCLIP with its gallery, filled up with the places of indexes, and the countries of the world."""

    def __init__(
        self,
        encoder: PhotoEncoder,
        gallery: KeptGallery,
        cities: Mapping[str, tuple[Floats, Vectors]],
        world_map: WorldMap,
    ) -> None:
        """cities: for each, places [n, 2] (lat, lon) that stand for it, and their unit vectors [n, 512]."""
        self.left_out = gallery.left_out
        """Rows of the gallery that are no positions."""
        self.added = sum(len(places) for places, _ in cities.values())
        """Places of indexes beside those of the gallery."""
        self.world_map = world_map
        self._encoder = encoder
        self._places = np.concatenate([gallery.positions, *(places for places, _ in cities.values())])
        self._rows: list[Rows] = [gallery.embeddings, *(rows for _, rows in cities.values())]
        self._city_cells = {name: set(cells_of(places).tolist()) for name, (places, _) in cities.items()}
        cells, first = np.unique(cells_of(self._places), return_index=True)
        self._countries = dict(zip(cells.tolist(), world_map.countries(self._places[first]), strict=True))

    @classmethod
    def open(
        cls,
        cities: Mapping[str, Floats],
        read_map: Callable[[], WorldMap] = read_world_map,
        *,
        precision: str | None = None,
        models_dir: Path | None = None,
        progress: Progress = no_progress,
    ) -> WorldLocator:
        """With the positions [N, 2] (lat, lon) of the images of each index, by its name.

        Raises WeightsError for what of GeoCLIP and CLIP is missing or damaged, ExtraMissingError for the map.
        """
        encoder = load_photo_encoder(Compute.best(precision), models_dir)
        gallery = open_gallery(models_dir, progress)
        places = {name: city_places(positions) for name, positions in cities.items()}
        location = load_encoder(models_dir) if places else None
        encoded = {} if location is None else {n: (own, encode(location, own)) for n, own in places.items()}
        return cls(encoder, gallery, encoded, read_map())

    def locate_all(self, photos: Iterable[Path]) -> Iterator[WorldAnswer]:
        """An answer a photo, in their order; one that cannot be read has a reason. Raises WeightsError."""
        for path in photos:
            try:
                image = read_image(path)
            except UnreadableImageError as error:
                yield WorldAnswer(path, None, str(error))
            else:
                yield self._answer(path, self.belief(image))

    def belief(self, image: Image) -> WorldBelief:
        """Of an upright image [H, W, 3]. Raises WeightsError where the weights give no numbers."""
        photo = self._encoder.encode(image)
        fits = np.concatenate([cosines(photo, rows) for rows in self._rows])
        try:
            return world_belief(fits, self._places, self._encoder.scale)
        except ValueError as error:
            raise WeightsError(_DAMAGED, "geoflood models verify geoclip") from error

    def _answer(self, path: Path, belief: WorldBelief) -> WorldAnswer:
        cells = belief.cells.tolist()
        city = next((name for name, held in self._city_cells.items() if cells[0] in held), "")
        return WorldAnswer(path, belief, "", tuple(self._countries[cell] for cell in cells), city)


class WorldPrior:
    """Which of several indexed cities GeoCLIP would choose, as log-odds against everywhere else."""

    def __init__(self, encoder: PhotoEncoder, cities: Sequence[Rows], others: Rows, weight: float) -> None:
        self._encoder, self._cities, self._others, self._weight = encoder, cities, others, weight

    @classmethod
    def open(
        cls,
        cities: Sequence[Floats],
        *,
        weight: float = WEIGHT,
        precision: str | None = None,
        models_dir: Path | None = None,
        progress: Progress = no_progress,
    ) -> WorldPrior:
        """For cities by the positions [N, 2] (lat, lon) of their images. Raises WeightsError."""
        encoder = load_photo_encoder(Compute.best(precision), models_dir)
        gallery = open_gallery(models_dir, progress)
        places = [city_places(positions) for positions in cities]
        location = load_encoder(models_dir)
        others = elsewhere(gallery.positions, np.concatenate([np.empty((0, 2)), *places]))
        return cls(encoder, [encode(location, own) for own in places], gallery.embeddings[others], weight)

    def log_odds(self, image: Image) -> Floats:
        """What to add to the log-odds of each city, [C], for an upright image [H, W, 3]."""
        odds = world_log_odds(
            self._encoder.encode(image), self._cities, self._others, self._encoder.scale, self._weight
        )
        if not np.isfinite(odds).all():
            raise WeightsError(_DAMAGED, "geoflood models verify geoclip")
        return odds
