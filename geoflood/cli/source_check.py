"""What `geoflood doctor --source` asks of a source of street images: one cell of its census, one picture."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from geoflood.cli.checks import DoctorCheck
from geoflood.core.errors import GeofloodError
from geoflood.core.images import header
from geoflood.imagery.sources.catalog import open_source
from geoflood.imagery.sources.source import PictureError, Source, SourceImage

__all__ = ["examine_source"]

TRIED = 5
"""Pictures that are asked for until one comes: the first may be on its way out."""


def examine_source(name: str, url: str | None = None) -> Iterator[DoctorCheck]:
    """Ask a source for one cell and one picture. Raises UsageError for what is no source."""
    try:
        source = open_source(name, url)
    except GeofloodError as error:
        if error.exit_code == 2:
            raise
        yield DoctorCheck(f"source {name}", False, str(error), error.hint)
        return
    with closing(source):
        yield from _examined(source)


def _examined(source: Source) -> Iterator[DoctorCheck]:
    began, what = time.monotonic(), f"{source.name}: census"
    try:
        cell = source.sample()
        images = source.census(cell)
    except GeofloodError as error:
        yield DoctorCheck(what, False, str(error), error.hint)
        return
    spent = time.monotonic() - began
    if not images:
        yield DoctorCheck(what, False, f"no image in cell {cell}", "does this address have any?")
        return
    panoramas = sum(image.projection.value == "equirectangular" for image in images)
    found = f"{len(images):,} images in cell {cell}, {panoramas:,} of them panoramas, in {spent:.1f} s"
    yield DoctorCheck(what, True, found)
    yield _picture(source, images[:TRIED])


def _picture(source: Source, images: Sequence[SourceImage]) -> DoctorCheck:
    """The first picture that comes."""
    began, what = time.monotonic(), f"{source.name}: picture"
    failed: GeofloodError | None = None
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "picture.jpg"
        try:
            source.prepare(images)
            for image in images:
                try:
                    known = source.picture(image, target)
                    return DoctorCheck(what, True, _described(known, target, time.monotonic() - began))
                except PictureError as error:
                    failed = error
        except GeofloodError as error:
            failed = error
    said = str(failed) if failed else "none came"
    return DoctorCheck(what, False, said, failed.hint if failed else "")


def _described(image: SourceImage, path: Path, seconds: float) -> str:
    head = header(path)
    size = f"{head.width} x {head.height} px, {path.stat().st_size / 1000:,.0f} kB"
    heading = image.geotag.heading_deg
    looks = "heading unknown" if heading is None else f"heading {heading:.0f}"
    return f"{size}, {looks}, {image.licence or 'no licence told'}, {image.credit}, in {seconds:.1f} s"
