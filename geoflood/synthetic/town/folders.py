"""Folders of photos: what `geoflood index` reads, and what is to be located."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import ExifTags
from PIL import Image as Pictures
from PIL.TiffImagePlugin import IFDRational

from geoflood.core.datatypes import Image, LatLon, Progress, no_progress
from geoflood.core.files import write_whole
from geoflood.synthetic.flood import flood
from geoflood.synthetic.town.building import build_town
from geoflood.synthetic.town.model import SEASONS, Season, Town
from geoflood.synthetic.town.render import panorama, view
from geoflood.synthetic.town.shots import Shot, Truth, drive, latlon

__all__ = ["FAROE_BANK", "write_city", "write_queries"]

FAROE_BANK = LatLon(60.9100, -8.6600)
"""Where the other town lies, the one that is in no index: open water again, 950 km away."""
PASSES: dict[Season, datetime] = {
    "summer": datetime(2017, 6, 14, 9, 0),
    "winter": datetime(2021, 12, 2, 11, 0),
}
PANORAMA_COLUMNS = ("image", "lat", "lon", "heading", "taken", "pano", "licence", "credit")
THREADS = 4
"""Each needs some 10 MB."""


def geotag_exif(position: LatLon, heading_deg: float, taken: datetime) -> Pictures.Exif:
    """EXIF as a camera with GPS writes it."""
    exif = Pictures.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken.strftime("%Y:%m:%d %H:%M:%S")
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N" if position.lat >= 0 else "S"
    gps[ExifTags.GPS.GPSLatitude] = sexagesimal(position.lat)
    gps[ExifTags.GPS.GPSLongitudeRef] = "E" if position.lon >= 0 else "W"
    gps[ExifTags.GPS.GPSLongitude] = sexagesimal(position.lon)
    gps[ExifTags.GPS.GPSImgDirectionRef] = "T"
    gps[ExifTags.GPS.GPSImgDirection] = IFDRational(round(heading_deg * 100) % 36000, 100)
    return exif


def sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds; a ten-thousandth of a second is 3 mm."""
    minutes, seconds = divmod(round(abs(degrees) * 36_000_000), 600_000)
    return IFDRational(minutes // 60, 1), IFDRational(minutes % 60, 1), IFDRational(seconds, 10_000)


@dataclass(frozen=True, slots=True)
class Job:
    """A picture to be drawn and written."""

    path: Path
    draw: Callable[[], Image]
    quality: int = 90
    exif: Pictures.Exif = field(default_factory=Pictures.Exif)

    def save(self) -> None:
        """Draw and write a JPEG, whole or not at all, unless it is there already."""
        if not self.path.exists():
            buffer = io.BytesIO()
            Pictures.fromarray(self.draw()).save(buffer, "JPEG", quality=self.quality, exif=self.exif)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, buffer.getvalue())


def save_all(jobs: Sequence[Job], progress: Progress) -> None:
    """Several pictures at a time: most of drawing and writing leaves the interpreter's lock."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, THREADS)) as pool:
        for done, _ in enumerate(pool.map(Job.save, jobs), 1):
            progress("drawing", done, len(jobs))


def write_city(
    folder: Path, town: Town, size_px: int = 400, panorama_px: int = 1536, spacing_m: float = 17.0,
    progress: Progress = no_progress,
) -> None:  # fmt: skip
    """Write what `geoflood index` reads: photos with EXIF geotags of two passes, and panoramas with a table.

    `streets/summer-*.jpg` every `spacing_m`, `streets/winter-*.jpg` a third as often and years later;
    `panoramas/*.jpg` at every crossing, listed in `panoramas.csv`. Pictures that are there stay.
    """
    panoramas = list(panorama_shots(town))
    table(folder / "panoramas.csv", PANORAMA_COLUMNS, [panorama_row(town, *each) for each in panoramas])
    streets = [street_jobs(folder, town, spacing_m, size_px, season) for season in SEASONS]
    around = [
        Job(folder / image, partial(panorama, town, shot.position, shot.heading_deg, panorama_px, seed=1))
        for image, shot in panoramas
    ]
    save_all([*around, *chain.from_iterable(streets)], progress)


def street_jobs(folder: Path, town: Town, spacing_m: float, size_px: int, season: Season) -> Iterator[Job]:
    """The photos of one pass through the town."""
    for number, shot in list(enumerate(drive(town, spacing_m)))[:: 1 if season == "summer" else 3]:
        if season == "winter":
            shot = shot.moved(np.random.default_rng([town.seed, number]), (0.5, 2.5), 3.0)
        taken = PASSES[season] + timedelta(seconds=20 * number)
        path = folder / "streets" / f"{season}-{town.seed}-{number:04}.jpg"
        draw = partial(view, town, shot.position, shot.heading_deg, 75.0, (size_px, size_px), season)
        yield Job(path, draw, exif=geotag_exif(latlon(town, shot), shot.heading_deg, taken))


def panorama_shots(town: Town) -> Iterator[tuple[str, Shot]]:
    """File names and places of the panoramas: every crossing, each turned another way."""
    for number, (east, north) in enumerate(town.nodes.reshape(-1, 2).tolist()):
        yield f"panoramas/{town.seed}-{number:04}.jpg", Shot(east, north, float(number * 37 % 360))


def panorama_row(town: Town, image: str, shot: Shot) -> tuple[str, ...]:
    """The row of a panorama in their table."""
    return (
        image,
        *cells(latlon(town, shot), shot.heading_deg),
        "2018-05-03T08:00:00Z",
        "true",
        "CC0-1.0",
        "geoflood townscape",
    )


def table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_queries(
    folder: Path, town: Town, count: int, strangers: int = 1, size: tuple[int, int] = (480, 360)
) -> list[Truth]:
    """Write `count` flooded photos of the town, `strangers` of another one, and `truth.csv`.

    They were taken 1-4 m off the photos of `write_city`, on another day, and came through social media:
    small, and without a geotag.
    """
    name = f"photo-{town.seed}"  # also of the strangers: nothing tells them apart but what they show
    truths = [take_flood_photo(folder, f"{name}-{k:03}.jpg", town, k, size, True) for k in range(count)]
    if strangers:
        other = build_town(town.seed + 1, (1, 1), FAROE_BANK)
        last = range(count, count + strangers)
        truths += [take_flood_photo(folder, f"{name}-{k:03}.jpg", other, k, size, False) for k in last]
    rows = [(t.image, *cells(t.position, t.heading_deg), f"{t.waterline:.3f}") for t in truths]
    table(folder / "truth.csv", ("image", "lat", "lon", "heading", "waterline"), rows)
    return truths


def cells(position: LatLon, heading_deg: float) -> tuple[str, str, str]:
    """Latitude, longitude (to a centimetre) and heading for a table."""
    return f"{position.lat:.7f}", f"{position.lon:.7f}", f"{heading_deg:.1f}"


def take_flood_photo(
    folder: Path, image: str, town: Town, number: int, size: tuple[int, int], in_city: bool
) -> Truth:
    """Draw and write one flooded photo, and return the truth about it."""
    rng = np.random.default_rng([town.seed, number, 17])
    shots = drive(town, 17.0)
    shot = shots[int(rng.integers(len(shots)))].moved(rng, (1.0, 4.0), 7.0)
    level, season = round(float(rng.uniform(0.25, 0.5)), 3), SEASONS[number % 2]

    def draw() -> Image:
        return flood(
            view(town, shot.position, shot.heading_deg, 70.0, size, season, 100 + number), level, number
        )[0]

    Job(folder / image, draw, 72).save()
    return Truth(image, latlon(town, shot), shot.heading_deg, level, in_city)
