"""`geoflood streets`: an index gets the street map of its ground."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geoflood
from geoflood.cli import terminal
from geoflood.cli.options import IndexDir, Json, Quiet
from geoflood.core.errors import InputError
from geoflood.core.paths import city_folder

if TYPE_CHECKING:
    from geoflood.database.index_info import IndexInfo

__all__ = ["coverage_facts", "register", "street_facts", "write_holes"]


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
    facts = street_facts(street_map) | coverage_facts(geoflood.info(folder), as_json)
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


def coverage_facts(info: IndexInfo, as_json: bool) -> dict[str, Any]:
    """What of the streets the index can know: numbers for programs, words for people; {} without a map."""
    coverage = info.street_coverage
    if coverage is None:
        return {}
    from geoflood.outputs.wording import percent
    from geoflood.places.coverage import sentence

    if not as_json:
        looking = ", ".join(f"{name} {percent(share)}" for name, share in coverage.by_direction)
        seen = f"{looking}; all round {percent(coverage.all_round)}"
        return {"coverage": sentence(coverage), "by direction": seen}
    return {
        "coverage": {
            "street_km": round(coverage.street_km, 1),
            "share": round(coverage.share, 3),
            "by_direction": {name: round(share, 3) for name, share in coverage.by_direction},
            "all_round": round(coverage.all_round, 3),
            "by_class": {
                name: {"street_km": round(km, 1), "share": round(share, 3)}
                for name, km, share in coverage.by_class
            },
            "holes": len(coverage.holes),
        }
    }


def write_holes(info: IndexInfo, path: Path) -> int:
    """Write the holes of an index's coverage, as a map (.html) or GeoJSON; returns how many.

    Raises InputError without a street map.
    """
    from geoflood.core.files import write_whole
    from geoflood.database.database import Database
    from geoflood.outputs.holes_map import write_holes_map
    from geoflood.places.coverage import holes_geojson

    coverage, street_map = info.street_coverage, info.street_map
    if coverage is None or street_map is None:
        raise InputError(
            f"{info.city} has no street map to look for holes in",
            f"add one: geoflood streets {info.folder.name} FILE",
        )
    if path.suffix.lower() in (".html", ".htm"):
        write_holes_map(path, Database(info.folder).city(), coverage, street_map)
        return len(coverage.holes)
    write_whole(path, json.dumps(holes_geojson(coverage, street_map.credit), ensure_ascii=False) + "\n")
    return len(coverage.holes)
