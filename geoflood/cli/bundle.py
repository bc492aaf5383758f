"""`geoflood bundle` and `geoflood unbundle`: an index on a stick, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geoflood.cli import terminal
from geoflood.cli.options import DryRun, IndexDir, Json, Quiet
from geoflood.cli.source_options import parse_area
from geoflood.core.errors import PartialError
from geoflood.core.paths import city_folder, home

if TYPE_CHECKING:
    from geoflood.database.bundle import Bundled

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add bundle and unbundle to the program."""
    app.command()(bundle)
    app.command()(unbundle)


def bundle(
    city: Annotated[str, typer.Argument(help="Which index.")],
    file: Annotated[Path, typer.Argument(help="The bundle, such as hamburg.zip.")],
    bounds: Annotated[str | None, typer.Option(help="Only what lies in a box: S,W,N,E in degrees.")] = None,
    aoi: Annotated[Path | None, typer.Option(help="Only what lies in the polygons of a GeoJSON.")] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="The pictures too, for the map and for verifying.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Over a file that is there.")] = False,
    dry_run: DryRun = False,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood bundle hamburg hamburg.zip: an index in one file, for another machine; without pictures.

    With --bounds or --aoi only a part of it. geoflood unbundle opens it.
    """
    from geoflood.database.bundle import measure_bundle, write_bundle

    area = parse_area(bounds, aoi, None, None)
    wanted: dict[str, Any] = {"area": area, "with_pictures": with_images, "replace_file": replace}
    if dry_run:
        _show(*measure_bundle(city_folder(city, index_dir), file, **wanted), as_json)
        return
    with terminal.progress() as progress:
        made = write_bundle(
            city_folder(city, index_dir),
            file,
            **wanted,
            progress=progress,
        )
    _show(made, made.path.stat().st_size, as_json)
    if not as_json:
        terminal.news(f"next, on another machine: geoflood unbundle {made.path.name}")
    if made.without_patches:
        terminal.warning(
            f"{made.without_patches:,} views have no patches: nothing verifies them without their pictures"
        )
    if made.pictures_gone:
        raise PartialError(
            f"{made.pictures_gone:,} pictures are gone or cannot be read", "the bundle works without them"
        )


def _show(made: Bundled, size: int, as_json: bool) -> None:
    """What a bundle holds, or would hold."""
    counts = {"images": made.images, "views": made.views, "pictures": made.pictures}
    if as_json:
        terminal.emit({"bundle": str(made.path), **counts, "bytes": size})
    else:
        shown = {name: f"{count:,}" for name, count in counts.items()}
        terminal.show_rows({"bundle": str(made.path), **shown, "size": f"{size / 1e6:,.1f} MB"})


def unbundle(
    file: Annotated[Path, typer.Argument(help="What geoflood bundle wrote.")],
    city: Annotated[str | None, typer.Option(help="Another name than the bundle's.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In place of an index of that name.")] = False,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood unbundle hamburg.zip: the index of a bundle, checked to the last number, to be searched."""
    from geoflood.database.unbundle import unbundle as open_bundle
    from geoflood.outputs.wording import INHERITED

    with terminal.progress() as progress:
        came = open_bundle(file, home("index", index_dir), city, replace_index=replace, progress=progress)
    manifest, part = came.manifest, came.part_of
    if as_json:
        terminal.emit(
            {
                "city": manifest.city,
                "index": str(came.folder),
                "images": manifest.images,
                "views": manifest.references,
                "pictures": came.pictures,
                "part_of": {"images": part.images, "views": part.views} if part else None,
            }
        )
    else:
        rows = {
            "city": manifest.city,
            "images": f"{manifest.images:,}" + (f" of {part.images:,}" if part else ""),
            "views": f"{manifest.references:,}",
            "pictures": f"{came.pictures:,}",
            **({"calibration": INHERITED} if part else {}),
            "index": str(came.folder),
        }
        terminal.show_rows(rows)
        terminal.news(f"next: geoflood locate PHOTO --city {came.folder.name}")
    if came.needs:
        terminal.warning(f"it cannot be searched yet: {came.needs}")
