"""`geoflood cities` and `geoflood info`: what is indexed, and what one index holds."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geoflood
from geoflood.cli import terminal
from geoflood.cli.options import SEARCH, IndexDir, Json, Quiet
from geoflood.cli.streets import coverage_facts, street_facts, write_holes
from geoflood.core.datatypes import Progress, no_progress
from geoflood.core.errors import (
    CityError,
    GeofloodError,
    IndexUnusableError,
    PartialError,
    UsageError,
)
from geoflood.core.paths import city_folder, home, slug
from geoflood.database.index_files import is_finished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geoflood.core.datatypes import Located
    from geoflood.database.calibration import Calibration
    from geoflood.database.index_info import IndexInfo
    from geoflood.database.named_indexes import NamedIndexes
    from geoflood.localize.cities import Cities, IndexLeftOut
    from geoflood.localize.locator import Locator
    from geoflood.places.street_map import StreetMap

__all__ = [
    "Beside",
    "Prior",
    "World",
    "indexes_or_only",
    "left_out_line",
    "open_indexes",
    "raise_left_out",
    "register",
    "say_of_indexes",
    "stated",
    "street_map_of",
]


Prior = Annotated[
    list[str] | None,
    typer.Option(
        help="CITY=SHARE: how likely photos are of it before anybody looks, such as hamburg=0.7; several.",
        rich_help_panel=SEARCH,
    ),
]
Beside = Annotated[
    str | None,
    typer.Option(
        "--beside-backbone",
        help="Ask CITY-BACKBONE, too: the same city by another backbone; their answers are pooled.",
        rich_help_panel=SEARCH,
    ),
]
World = Annotated[
    bool,
    typer.Option(
        "--world",
        help="Of several cities: also by the look of the land; needs geoclip and clip-vit-l14.",
        rich_help_panel=SEARCH,
    ),
]


Holes = Annotated[
    Path | None,
    typer.Option(help="Map (.html) or GeoJSON to write: streets without a street image; needs a street map."),
]

Check = Annotated[
    bool, typer.Option("--check", help="Read every file whole, shards too, and name each that is damaged.")
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
    check: Check = False,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood info hamburg: counts, sources, licences, coverage of one index."""
    found = geoflood.info(city_folder(city, index_dir))
    checked = _checked(found) if check else {}
    facts = checked | _facts(found) | coverage_facts(found, as_json)
    if holes is not None:
        facts["holes"] = f"{write_holes(found, holes)} in {holes}"
    if as_json:
        terminal.emit(facts)
    else:
        terminal.show_rows({name: _words(value) for name, value in facts.items()})


def _checked(info: IndexInfo) -> dict[str, Any]:
    """That all files are right. Raises IndexUnusableError for the others, which are named first."""
    from geoflood.outputs.wording import size

    with terminal.progress() as progress:
        checks = info.check(progress)
    bad = {one.name: one.problem for one in checks if one.problem}
    if not bad:
        return {"checked": f"{len(checks):,} files of {size(sum(one.size for one in checks))}, all right"}
    for name, problem in bad.items():
        terminal.warning(f"{info.folder / name}: {problem}")
    raise IndexUnusableError(
        f"{len(bad):,} of {len(checks):,} files of {info.folder} are damaged or missing: {min(bad)}",
        "run geoflood index CITY IMAGES again, which makes them anew; --rebuild where it cannot",
    )


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


def indexes_or_only(city: str | None, index_dir: Path | None, backbone: str | None = None) -> NamedIndexes:
    """The indexes that are meant; without a name the only one. With a backbone, the city's by that beside it.

    Raises UsageError when there are several, CityError when there is none, and what `beside` does.
    """
    named = _indexes_or_only(city, index_dir)
    if backbone is None:
        return named
    from geoflood.database.named_indexes import beside

    return beside(named, backbone)


def _indexes_or_only(city: str | None, index_dir: Path | None) -> NamedIndexes:
    from geoflood.database.named_indexes import AUTO, NamedIndexes, named_indexes

    if city:
        named = named_indexes(city, index_dir)
        for note in named.notes:
            terminal.warning(note)
        return named
    root = home("index", index_dir)
    names = [name for name in geoflood.cities(index_dir) if is_finished(root / name)]
    if len(names) > 1:
        raise UsageError(
            "several cities are indexed", f"say --city, one of: {', '.join(names)}; or {AUTO} for all"
        )
    if not names:
        raise CityError(f"nothing is indexed in {root}", "begin with: geoflood index CITY IMAGES")
    return NamedIndexes((root / names[0],), together=False)


def stated(priors: Sequence[str] | None) -> dict[str, float]:
    """The shares by city. Raises UsageError for what is no CITY=SHARE, and a city that is named again."""
    found: dict[str, float] = {}
    for text in priors or ():
        name, _, share = text.rpartition("=")
        try:
            value = float(share)
        except ValueError:
            value = math.nan
        if not name or math.isnan(value):
            raise UsageError(f"--prior {text} is no CITY=SHARE", "such as --prior hamburg=0.7")
        if slug(name) in found:
            raise UsageError(f"--prior {text}: {name} has one already", "state one share a city")
        found[slug(name)] = value
    return found


def open_indexes(
    indexes: NamedIndexes,
    precision: str | None,
    prior: Mapping[str, float] | None = None,
    *,
    world: bool = False,
    progress: Progress = no_progress,
    search: str | None = None,
) -> Locator | Cities:
    """What locates photos in them. Raises what `geoflood.open` does."""
    from geoflood.localize.locator import Locator

    if indexes.only is None and not indexes.one_city:
        from geoflood.localize.cities import open_cities

        return open_cities(indexes.folders, precision, prior, world=world, search=search)
    for name, given in (("--prior", bool(prior)), ("--world", world)):
        if given:
            raise UsageError(
                f"{name} says nothing where one city is asked", "name several with --city, or auto"
            )
    if indexes.only is None:
        from geoflood.localize.ensemble import open_ensemble

        return open_ensemble(indexes.folders, precision, search=search)
    return Locator(indexes.only, precision, progress, search=search)


def street_map_of(locator: Locator | Cities, located: Sequence[Located]) -> StreetMap | None:
    """The streets to be drawn: of several cities those of the one that most photos are of."""
    several = getattr(locator, "street_map_of", None)
    return several(located) if several else locator.street_map


def say_of_indexes(locator: Locator | Cities) -> None:
    """What the search has to do without, a line each: street maps, and indexes that cannot be asked."""
    for one in getattr(locator, "left_out", ()):
        terminal.warning(left_out_line(one))
    if locator.vectors_notice:
        terminal.warning(locator.vectors_notice)
    if locator.street_map_problem:
        terminal.warning(locator.street_map_problem)


def left_out_line(one: IndexLeftOut) -> str:
    """Which index cannot be asked, and why."""
    return f"{one.name} is left out: {one.error}" + (f" ({one.error.hint})" if one.error.hint else "")


def raise_left_out(locator: Locator | Cities) -> None:
    """Exit 10 where not all indexes could be asked: the place may be in one of those."""
    left_out = getattr(locator, "left_out", ())
    if left_out:
        names = ", ".join(one.name for one in left_out)
        raise PartialError(
            f"not asked: {names}", "the others answered; geoflood info CITY says what is wrong"
        )
