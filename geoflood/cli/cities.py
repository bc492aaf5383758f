"""`geoflood cities` and `geoflood info`: what is indexed, and what one index holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geoflood
from geoflood.cli import terminal
from geoflood.cli.options import IndexDir, Json, Quiet
from geoflood.cli.streets import coverage_facts, street_facts, write_holes
from geoflood.core.errors import CityError, GeofloodError, UsageError
from geoflood.core.paths import city_folder, home
from geoflood.database.index_files import is_finished

if TYPE_CHECKING:
    from geoflood.database.calibration import Calibration
    from geoflood.database.index_info import IndexInfo

__all__ = ["city_or_only", "register"]


Holes = Annotated[
    Path | None,
    typer.Option(help="Map (.html) or GeoJSON to write: streets without a street image; needs a street map."),
]


def register(app: typer.Typer) -> None:
    """Add cities and info to the program."""
    app.command()(cities)
    app.command()(info)


def cities(index_dir: IndexDir = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """geoflood cities: lists what is indexed."""
    rows: list[dict[str, Any]] = []
    for name in geoflood.cities(index_dir):
        try:
            rows.append(_summary(name, index_dir))
        except GeofloodError as error:
            terminal.error_line(error)
    where = home("index", index_dir)
    if as_json:
        for row in rows:
            terminal.emit(row)
    elif rows:
        cells = [["–" if value is None else str(value) for value in row.values()] for row in rows]
        terminal.show_table(f"cities in {where}", list(rows[0]), cells)
        for name in (row["city"] for row in rows if row["state"] == "unfinished"):
            terminal.news(f"unfinished: run geoflood index {name} … again, or geoflood rm {name}")
    else:
        terminal.news(f"nothing is indexed in {where}; begin with: geoflood index CITY IMAGES")


def _summary(name: str, index_dir: Path | None) -> dict[str, Any]:
    """A row of the list. Raises what `geoflood.info` does, but not for an index that is unfinished."""
    folder = home("index", index_dir) / name
    if not is_finished(folder):
        unknown = dict.fromkeys(("images", "references", "backbone"))
        return {"city": name, **unknown, "state": "unfinished"}
    info = geoflood.info(folder)
    return {
        "city": info.city,
        "images": info.images,
        "references": info.references,
        "backbone": info.backbone,
        "state": "ready",
    }


def info(
    city: str,
    holes: Holes = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood info hamburg: counts, sources, licences, coverage of one index; checks every file."""
    found = geoflood.info(city_folder(city, index_dir))
    facts = _facts(found) | coverage_facts(found, as_json)
    if holes is not None:
        facts["holes"] = f"{write_holes(found, holes)} in {holes}"
    if as_json:
        terminal.emit(facts)
    else:
        terminal.show_rows({name: _words(value) for name, value in facts.items()})


def _facts(info: IndexInfo) -> dict[str, Any]:
    """The object of `info --json`."""
    box = info.bounds
    return {
        "city": info.city,
        "index": str(info.folder),
        "images": info.images,
        "views": info.references,
        "unusable": dict(info.rejected),
        "backbone": f"{info.backbone} {info.manifest.settings.version}",
        "bands": list(info.bands),
        "credits": {
            f"{credit or 'unknown'} ({licence or 'licence unknown'})": count
            for credit, licence, count in info.credits
        },
        "bounds": [round(degrees, 5) for degrees in (box.south, box.west, box.north, box.east)],
        "covered_km2": round(info.covered_km2, 3),
        "headings": info.headings,
        "calibration": _calibration(info.calibration),
        "streets": street_facts(info.street_map) if info.street_map else None,
        "signs": asdict(info.signs) if info.signs else None,
    }


def _signs(info: IndexInfo) -> dict[str, Any]:
    read = info.signs
    return {"signs": {"views read": read.views, "with words": read.with_words}} if read else {}


def _calibration(calibration: Calibration) -> dict[str, Any]:
    """Why it is weak, the trials of its smallest and its largest part, and its parts by labels."""
    from geoflood.outputs.wording import INHERITED, weaknesses

    trials = sorted(entry.trials for entry in calibration.values())
    facts = {
        "WEAK": weaknesses(calibration),
        "trials a waterline": f"{trials[0]} to {trials[-1]}" if trials else "none",
        "by labels": sum(entry.labelled for entry in calibration.values()),
        "taken over": INHERITED if any(entry.inherited for entry in calibration.values()) else "",
    }
    return {name: value for name, value in facts.items() if value}


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value)) or "none"
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value}"


def city_or_only(city: str | None, index_dir: Path | None) -> Path:
    """The folder of a city's index; without a name, of the only one.

    Raises UsageError when there are several, CityError when there is none.
    """
    if city:
        return city_folder(city, index_dir)
    root = home("index", index_dir)
    names = [name for name in geoflood.cities(index_dir) if is_finished(root / name)]
    if len(names) > 1:
        raise UsageError("several cities are indexed", f"say --city, one of: {', '.join(names)}")
    if not names:
        raise CityError(f"nothing is indexed in {root}", "begin with: geoflood index CITY IMAGES")
    return root / names[0]
