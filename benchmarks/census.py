"""What a census of a million images costs: time, memory and disk, and the choice of some of them.

    python benchmarks/census.py [--images 1000000] [--most 20000]

A made-up city of 40 x 40 km: streets every 120 m, images along them in drives of 200, three of ten panoramas.
Its source answers from memory, so all that is measured is ours. The peak is of the whole process, Python and
its libraries included.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from geoflood.core.area import Area, Tile
from geoflood.core.datatypes import Geotag, LatLon, Projection
from geoflood.core.geo import from_local
from geoflood.database.from_source import harvested
from geoflood.database.source_order import SourceOrder
from geoflood.imagery.census import NAME, Census
from geoflood.imagery.sources.source import SourceImage

CENTRE = LatLon(29.76, -95.37)
SIDE_M, BLOCK_M = 40_000.0, 120.0
BEGUN = datetime(2015, 1, 1)


class MadeUpCity:
    """A source whose cells are made when they are asked for: 256 tiles or so, the same number in each."""

    name = "madeup"
    batch = 50
    pictures_a_minute = 600.0

    def __init__(self, count: int) -> None:
        self._count = count
        self._cells: list[str] = []

    def cells(self, area: Area) -> Sequence[str]:
        self._cells = [str(tile) for tile in area.tiles(14)]
        return self._cells

    def census(self, cell: str) -> Sequence[SourceImage]:
        number = self._cells.index(cell)
        count = self._count // len(self._cells) + (number < self._count % len(self._cells))
        box, rng = Tile.parse(cell).bounds, np.random.default_rng(number)
        spots = np.column_stack(
            [rng.uniform(box.south, box.north, count), rng.uniform(box.west, box.east, count)]
        )
        along = rng.random(count) < 0.5
        step = np.array([BLOCK_M / 111_195, BLOCK_M / 96_500])
        spots[along, 0] = np.round(spots[along, 0] / step[0]) * step[0]
        spots[~along, 1] = np.round(spots[~along, 1] / step[1]) * step[1]
        headings = (np.where(along, 90.0, 0.0) + 180.0 * (rng.random(count) < 0.5)).tolist()
        panoramas = (rng.random(count) < 0.3).tolist()
        days = rng.integers(0, 4000, count // 200 + 1).tolist()
        return [
            self._image(
                f"{number:05d}{at:07d}", spot, headings[at], panoramas[at], days[at // 200], at // 200
            )
            for at, spot in enumerate(spots.tolist())
        ]

    def _image(
        self, name: str, spot: list[float], heading: float, panorama: bool, day: int, drive: int
    ) -> SourceImage:
        tag = Geotag(LatLon(*spot), self.name, heading, 4.0, BEGUN + timedelta(days=day))
        kind = Projection.EQUIRECTANGULAR if panorama else Projection.PERSPECTIVE
        link = f"https://madeup.example/app/?pKey={name}"
        return SourceImage(
            name, tag, kind, "CC-BY-SA-4.0", f"contributor {day % 500}", link, f"{name[:5]}-{drive}"
        )

    def prepare(self, images: Sequence[SourceImage]) -> None:
        raise NotImplementedError

    def picture(self, image: SourceImage, target: Path) -> SourceImage:
        raise NotImplementedError

    def sample(self) -> str:
        raise NotImplementedError

    def close(self) -> None:
        pass


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--most", type=int, default=20_000)
    options = parser.parse_args()
    corners = from_local([(-SIDE_M / 2, -SIDE_M / 2), (SIDE_M / 2, SIDE_M / 2)], CENTRE)
    (south, west), (north, east) = corners.tolist()
    area = Area.of_box(south, west, north, east, "made-up city")
    source = MadeUpCity(options.images)
    print(f"before: {peak_mb():.0f} MB")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "city"
        folder.mkdir()
        begun = time.perf_counter()
        with closing(Census(folder, source.name)) as census:
            cells = census.take(source, area)
        taken = time.perf_counter() - begun
        size = (folder / NAME).stat().st_size / 1e6
        print(f"census: {options.images:,} images in {cells} cells, {taken:.0f} s, {size:.0f} MB on disk")
        print(f"peak: {peak_mb():.0f} MB")
        begun = time.perf_counter()
        with harvested(folder, SourceOrder(source, area, most=options.most)) as harvest:
            seconds = time.perf_counter() - begun
            whole, chosen = len(harvest.there), len(harvest.rows)
            print(f"choice: {chosen:,} of {whole:,} in {seconds:.0f} s, reading included")
            harvest.census.choose(harvest.rows.tolist())
            first = next(iter(harvest.census.images(harvest.rows.tolist())))
        print(f"the best: {first.id}; peak: {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()
