"""`geoflood streets`: an index gets the street map of its ground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import geoflood
from geoflood.cli import terminal
from geoflood.cli.options import IndexDir, Json, Quiet
from geoflood.core.paths import city_folder

__all__ = ["register", "street_facts"]


def register(app: typer.Typer) -> None:
    """Add streets to the program."""
    app.command()(streets)


def streets(
    city: Annotated[str, typer.Argument(help="Which index.")],
    file: Annotated[Path, typer.Argument(help="An extract of OpenStreetMap: .osm.pbf, .osm or GeoJSON.")],
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood streets hamburg hamburg.osm.pbf: answers then name streets, and the map has them.

    What lies within 1 km of a street image is kept with the index; the extract is not needed again.
    """
    folder = city_folder(city, index_dir)
    with terminal.progress() as progress:
        street_map = geoflood.add_streets(folder, file, progress=progress)
    facts = street_facts(street_map)
    if as_json:
        terminal.emit({"city": folder.name, "index": str(folder), **facts})
    else:
        shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in facts.items()}
        terminal.show_rows({**shown, "index": str(folder)})


def street_facts(street_map: geoflood.StreetMap) -> dict[str, Any]:
    """What a street map holds, in numbers, and whom to name for it."""
    return {
        "names": len(street_map.names),
        "streets": len({int(street_map.lines.names[line]) for line, _ in street_map.named_streets()}),
        "places": len(street_map.spots),
        "house_numbers": len(street_map.doors),
        "areas": len(set(street_map.areas.parts_of.tolist())),
        "source": street_map.source,
        "credit": street_map.credit,
    }
