"""`geoflood describe`: descriptors of photos in a file, for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import geoflood
from geoflood.cli import terminal
from geoflood.cli.options import IndexDir, Json, ModelsDir, Precision, Quiet, Workers
from geoflood.core.errors import InputError, PartialError, UsageError
from geoflood.core.paths import city_folder
from geoflood.database.bands import band_weights

if TYPE_CHECKING:
    from geoflood.backbones.describe import Describer, WeightFunction
    from geoflood.core.datatypes import Vectors
    from geoflood.core.images import UnreadableImageError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add describe to the program."""
    app.command()(describe)


def describe(
    images: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The file to write: names, descriptors float32 [N, D].")
    ],
    backbone: Annotated[
        str | None, typer.Option(help="A published backbone; with --city it is the index's own.")
    ] = None,
    city: Annotated[str | None, typer.Option(help="Describe as this index does, for a dry photo.")] = None,
    precision: Precision = None,
    workers: Workers = None,
    models_dir: ModelsDir = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood describe photos/ --backbone megaloc --out megaloc.npz: descriptors for other programs."""
    from geoflood.backbones.describe import write_descriptors

    paths = list(_photos(images))
    folder = city_folder(city, index_dir) if city else None
    describer, weigh = _load_describer(backbone, folder, precision, models_dir)
    described, failed = _describe(describer, weigh, paths, workers)
    if not described:
        raise InputError(f"no photo could be read; the first: {failed[0]}", "give JPEG or PNG files")
    write_descriptors(out, described, describer.backbone)
    facts = {
        "out": str(out),
        "images": len(described),
        "dimension": len(described[0][1]),
        "backbone": describer.backbone.name,
        "version": describer.backbone.version,
    }
    if as_json:
        terminal.emit({**facts, "failed": [str(error) for error in failed]})
    else:
        terminal.show_rows({name: str(value) for name, value in facts.items()})
    if failed:
        raise PartialError(
            f"{len(failed)} of {len(paths)} photos could not be read, the first: {failed[0]}",
            "the others are described",
        )


def _photos(arguments: Sequence[Path]) -> Iterator[Path]:
    """Files as they are, and what lies in folders."""
    from geoflood.imagery.folder import is_picture

    for path in arguments:
        yield from sorted(filter(is_picture, path.rglob("*"))) if path.is_dir() else [path]


def _load_describer(
    backbone: str | None, index: Path | None, precision: str | None, models_dir: Path | None
) -> tuple[Describer, WeightFunction]:
    """A published backbone, or that of an index; and its band weights, the first of which ignore nothing."""
    from geoflood.backbones.learned import published_describer

    if index is None:
        describer = published_describer(backbone or "rootsift", precision, models_dir)
        return describer, partial(band_weights, bands=(0,))
    locator = geoflood.open(index, precision=precision)
    if backbone not in (None, locator.settings.backbone):
        raise UsageError(
            f"{index.name} was indexed with {locator.settings.backbone}", "leave --backbone or --city out"
        )
    return locator.describer, partial(band_weights, bands=locator.settings.bands)


def _describe(
    describer: Describer, weigh: WeightFunction, paths: Sequence[Path], workers: int | None
) -> tuple[list[tuple[Path, Vectors]], list[UnreadableImageError]]:
    """The photos that could be read with their descriptors [D], and why the others could not."""
    from geoflood.core.images import UnreadableImageError
    from geoflood.core.parallel import cores
    from geoflood.imagery.views import LONGEST

    described: list[tuple[Path, Vectors]] = []
    failed: list[UnreadableImageError] = []
    with terminal.progress() as progress:
        for path, result in describer.describe_files(paths, weigh, LONGEST, workers or cores()):
            if isinstance(result, UnreadableImageError):
                failed.append(result)
            else:
                described.append((path, result[0]))
            progress("describing", len(described) + len(failed), len(paths))
    return described, failed
