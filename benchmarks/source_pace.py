"""How near sources are asked to the pace that they allow: requests of a census a minute, pictures an hour.

    PYTHONPATH=. python benchmarks/source_pace.py [SOURCE ...] [--seconds 60]

Each source talks through real sockets with the local server of the tests, at the pace of the real one, all at
the same time. A server that is asked faster than that fails the run. Pictures are small: what is measured is
pacing, not a line. KartaView allows so little that its part takes minutes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from geoflood.core.area import Area
from geoflood.imagery.census import Census
from geoflood.imagery.fetch import fetch
from geoflood.imagery.sources import amsterdam, kartaview, mapillary, panoramax
from geoflood.imagery.sources.catalog import open_source
from tests.support.far_side.amsterdam_server import FarAmsterdam
from tests.support.far_side.kartaview_server import FarKartaView
from tests.support.far_side.mapillary_server import TOKEN, FarMapillary
from tests.support.far_side.panoramax_server import FarPanoramax, uuid_of
from tests.support.far_side.street_images import FarImage, along_a_street

STEP = 2e-3
"""Degrees of longitude between images: so a census needs many cells."""

PLACES = {
    "amsterdam": (52.37, 4.6),
    "panoramax": (50.63, 3.0),
    "mapillary": (55.6, 12.9),
    "kartaview": (1.29, 103.8),
}


@dataclass(frozen=True)
class Trial:
    """One source: its server, and what is allowed there a minute."""

    name: str
    far: Callable[[Sequence[FarImage]], Any]
    census_a_minute: float
    pictures_a_minute: float
    images: int
    asked: Callable[[Any], int]
    """Requests of a census so far."""


def trials(seconds: float) -> list[Trial]:
    """As many images as take about so long to fetch."""
    small, many = int(seconds), int(10 * seconds)
    tiles, karta = mapillary.TILE_MANNERS.a_minute, kartaview.MANNERS.a_minute
    return [
        Trial("amsterdam", lambda images: FarAmsterdam(images, amsterdam.MANNERS.a_minute),
              amsterdam.MANNERS.a_minute, amsterdam.MANNERS.a_minute, small, lambda far: far.paths.total()),
        Trial("panoramax", lambda images: FarPanoramax(images, a_minute=panoramax.MANNERS.a_minute),
              panoramax.MANNERS.a_minute, panoramax.MANNERS.a_minute, small, lambda far: far.paths.total()),
        Trial("mapillary", lambda images: FarMapillary(images, tiles),
              tiles, mapillary.PICTURE_MANNERS.a_minute, many, lambda far: far.tiles.paths.total()),
        Trial("kartaview", lambda images: FarKartaView(images, kartaview.PICTURE_MANNERS.a_minute),
              karta, kartaview.PICTURE_MANNERS.a_minute, 4, lambda far: far.paths.total()),
    ]  # fmt: skip


def street(trial: Trial) -> list[FarImage]:
    images = along_a_street(trial.images, PLACES[trial.name], step=STEP)
    if trial.name == "mapillary":  # as many tiles as the others have cells, each with ten times the images
        images = [
            replace(image, lon=PLACES[trial.name][1] + STEP * (at // 10 * 5))
            for at, image in enumerate(images)
        ]
    return [replace(image, id=uuid_of(image.id)) for image in images] if trial.name == "panoramax" else images


def run(trial: Trial) -> str:
    """The row of a source."""
    images = street(trial)
    lons = [image.lon for image in images]
    area = Area.of_box(images[0].lat - 1e-4, min(lons) - 1e-4, images[0].lat + 1e-4, max(lons) + 1e-4)
    with ExitStack() as stack:
        far = stack.enter_context(trial.far(images))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        source = stack.enter_context(closing(opened(trial.name, far)))
        census = stack.enter_context(closing(Census(folder, trial.name)))
        begun = time.monotonic()
        census.take(source, area)
        requests, took = trial.asked(far), time.monotonic() - begun
        rows = census.columns(area).rows.tolist()
        begun = time.monotonic()
        came = sum(not hasattr(one, "reason") for one in fetch(source, census, rows, folder))
        fetching = time.monotonic() - begun
    assert came == len(images), f"{trial.name}: {came} of {len(images)} pictures came"
    asked, pictures = 60 * (requests - 1) / took, 60 * (came - 1) / fetching
    return (
        f"| {trial.name} | {trial.census_a_minute:.3g} | {asked:.3g} of {requests} "
        f"({100 * asked / trial.census_a_minute:.0f} %) | {60 * pictures:,.0f} of {came} "
        f"({100 * pictures / trial.pictures_a_minute:.0f} %) |"
    )


def opened(name: str, far: Any) -> Any:
    """The source at its server, at the pace of the public one."""
    if name == "mapillary":
        os.environ["GEOFLOOD_MAPILLARY_TILES_URL"] = far.tiles.url
        return open_source(name, far.graph.url)
    return open_source(name, far.url)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="*", help="default: all")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    os.environ.pop("GEOFLOOD_SOURCE_PACE", None)
    os.environ["MAPILLARY_TOKEN"] = TOKEN
    print("| source | allowed a minute | census, requests a minute | pictures an hour |\n|---|---|---|---|")
    wanted = [one for one in trials(options.seconds) if not options.sources or one.name in options.sources]
    with ThreadPoolExecutor() as pool:
        for row in pool.map(run, wanted):
            print(row, flush=True)


if __name__ == "__main__":
    main()
