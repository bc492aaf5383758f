"""`geoflood index`: street images in, the index of a city on disk."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import geoflood
from geoflood.cli import source_options as options
from geoflood.cli import terminal
from geoflood.cli.options import DESCRIBED, OWN, AnyWorkers, IndexDir, Json, Precision, Quiet, parse_workers
from geoflood.cli.streets import coverage_facts
from geoflood.cli.time_left import TimeLeft
from geoflood.core.errors import IndexUnusableError, PartialError, UsageError
from geoflood.database.bands import BANDS
from geoflood.database.index_files import PLAN_PAGE
from geoflood.imagery.reject_reasons import NO_IMAGE_LACKS, RejectReason

if TYPE_CHECKING:
    from geoflood.database.calibration import Calibration
    from geoflood.database.index_info import IndexInfo
    from geoflood.database.plan_changes import PlanChange

__all__ = ["describe_calibration", "register"]


def register(app: typer.Typer) -> None:
    """Add index to the program."""
    app.command()(index)


def index(
    city: Annotated[str, typer.Argument(help="A name for the index.")],
    images: Annotated[
        list[Path] | None, typer.Argument(help="Folders, or a CSV or GeoJSON of geotags.")
    ] = None,
    geotags: Annotated[
        Path | None,
        typer.Option(
            help="CSV or GeoJSON: image, lat, lon [, heading, taken, pano ...].", rich_help_panel=OWN
        ),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(help="COLUMN=VALUE: only these rows, such as split=database.", rich_help_panel=OWN),
    ] = None,
    utm_zone: Annotated[
        str | None,
        typer.Option(help="Zone of @easting@northing@ file names, such as 10S.", rich_help_panel=OWN),
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Of images that do not say, as SPDX.", rich_help_panel=OWN)
    ] = "",
    credit: Annotated[str, typer.Option(help="Of images that do not say.", rich_help_panel=OWN)] = "",
    backbone: Annotated[
        str | None,
        typer.Option(envvar="GEOFLOOD_BACKBONE", show_default="rootsift", help="What describes the images."),
    ] = None,
    dimension: Annotated[
        str,
        typer.Option(
            help="Of a band's descriptor after PCA-whitening; none: as the backbone gives it.",
            rich_help_panel=DESCRIBED,
        ),
    ] = "auto",
    bands: Annotated[
        str | None,
        typer.Option(
            show_default=",".join(map(str, BANDS)),
            help="Waterline bands, percent of the height.",
            rich_help_panel=DESCRIBED,
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="OTHER",
            help="Settings and all that is learned are those of this index: then the two can be merged.",
            rich_help_panel=DESCRIBED,
        ),
    ] = None,
    max_failed: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Share of unusable images above which it is exit 10.", rich_help_panel=OWN
        ),
    ] = 0.5,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Begin anew.", rich_help_panel=DESCRIBED)
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Also drop what is gone, and correct what is told otherwise now.")
    ] = False,
    read_signs: Annotated[
        bool,
        typer.Option(
            "--read-signs",
            help="Also read the words on signs, once each; needs the extra text.",
            rich_help_panel=DESCRIBED,
        ),
    ] = False,
    source: options.From = None,
    bounds: options.Bounds = None,
    aoi: options.Aoi = None,
    center: options.Around = None,
    radius: options.Radius = None,
    geocoder: options.Geocoder = None,
    source_url: options.SourceUrl = None,
    plan: options.Plan = False,
    yes: options.Yes = False,
    max_images: options.MaxImages = None,
    since: options.Since = None,
    keep_images: options.KeepImages = None,
    streets: Annotated[
        Path | None, typer.Option(help="OpenStreetMap extract (.osm.pbf, GeoJSON): streets to name and draw.")
    ] = None,
    precision: Precision = None,
    workers: AnyWorkers = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood index hamburg ~/street-images: builds the index of a city; run again to go on or add.

    geoflood index Amsterdam --from amsterdam --center 52.3731,4.8926 --radius 400: fetches the images too.
    """
    described: dict[str, Any] = {
        "backbone": backbone,
        "dimension": _parse_dimension(dimension),
        "bands": None if bands is None else _parse_bands(bands),
        "like": like,
        "index_dir": index_dir,
        "precision": precision,
        "workers": (at_a_time := parse_workers(workers)),
    }
    wanted: dict[str, Any] = {
        "area": options.parse_area(bounds, aoi, center, radius),
        "geocoder": geocoder,
        "source_url": source_url,
        "max_images": max_images,
        "since": options.parse_since(since),
        "keep_images": keep_images,
    }
    if read_signs:
        from geoflood.places.read_signs import check_reader

        check_reader()  # before hours of work, not after
    if source is not None:
        options.refuse_beside_source([*(images or []), *([geotags] if geotags else [])])
        options.refuse_both(plan, update)
        wanted["source"] = options.open_source(source, source_url)
        planned = wanted | described | {"streets": streets}
        if not update and not _agreed(city, planned, plan, yes, as_json):
            return
    else:
        options.refuse_without_source(wanted | {"plan": plan or None, "yes": yes or None})
        wanted = {"geotags": geotags, "select": select, "utm_zone": utm_zone}
        wanted |= {"licence": licence, "credit": credit}
    with terminal.progress(TimeLeft()) as progress:
        info = geoflood.build_index(
            city,
            images or [],
            **wanted,
            **described,
            rebuild=rebuild,
            update=update,
            streets=streets,
            progress=progress,
        )
        if read_signs:
            threads = at_a_time if isinstance(at_a_time, int) else None
            geoflood.read_signs(info.folder, workers=threads, progress=progress)
    _show_json(info) if as_json else _show(info)
    _warn_rejected(info)
    _raise_partial(info, max_failed)


def _warn_rejected(info: IndexInfo) -> None:
    """Where to look: the first thing that could not be used for each reason."""
    for one in info.examples_of_rejected:
        count = info.rejected[one.reason]
        more = f" and {count - 1:,} more" if count > 1 else ""
        detail = f": {one.detail}" if one.detail else ""
        terminal.warning(f"{one.reason}: {one.location}{more}{detail}")


def _raise_partial(info: IndexInfo, max_failed: float) -> None:
    """Exit 10 for too many unusable images, and for a table whose positions nobody read."""
    hint = "the index works; the reasons are listed above"
    failed = sum(count for reason, count in info.rejected.items() if reason not in NO_IMAGE_LACKS)
    if failed > max_failed * (failed + info.images):
        raise PartialError(f"{failed} images could not be used", hint)
    tables = info.rejected.get(RejectReason.TABLE_NOT_UNDERSTOOD, 0)
    if tables and max_failed < 1:
        raise PartialError(
            f"tables that are not understood: {tables}", f"{hint}; --geotags FILE names the one that counts"
        )


def _agreed(city: str, wanted: dict[str, Any], only_plan: bool, yes: bool, as_json: bool) -> bool:
    """Show what would be fetched, and ask; False when it was only to be shown, or nobody agrees."""
    from geoflood.core.paths import city_folder
    from geoflood.outputs.plan_map import write_plan_map
    from geoflood.outputs.plan_words import plan_question, plan_record, plan_rows

    with terminal.progress() as progress:
        plan = geoflood.plan_index(city, **wanted, progress=progress)
    page = city_folder(city, wanted["index_dir"]) / PLAN_PAGE
    write_plan_map(page, plan, city)
    if only_plan:
        if as_json:
            terminal.emit({"city": city, **plan_record(plan), "map": str(page)})
        else:
            terminal.show_rows({**plan_rows(plan), "map": str(page)})
        return False
    for name, value in {**plan_rows(plan), "map": str(page)}.items():
        terminal.news(f"{name}: {value}")
    if yes or not plan.missing or terminal.agrees(plan_question(plan)):
        return True
    terminal.news("nothing was fetched; what the source told is kept for the next run")
    return False


def _parse_bands(bands: str) -> list[int]:
    return [_whole_number(band) for band in bands.split(",")]


def _parse_dimension(dimension: str) -> int | Literal["auto"] | None:
    if dimension == "auto":
        return "auto"
    return None if dimension == "none" else _whole_number(dimension)


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(
            f"--bands and --dimension take whole numbers: {error}", "such as --bands 0,30,60"
        ) from error


def _show_json(info: IndexInfo) -> None:
    from geoflood.outputs.wording import weaknesses

    terminal.emit(
        {
            "city": info.city,
            "index": str(info.folder),
            "images": info.images,
            "references": info.references,
            "rejected": dict(info.rejected),
            "update": asdict(info.change) if info.change else None,
            "signs": asdict(info.signs) if info.signs else None,
            "weak_calibration": weaknesses(info.calibration) or None,
            **_coverage(info, as_json=True),
        }
    )


def _show(info: IndexInfo) -> None:
    """The last lines: what came in, what did not, what next."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in info.rejected.items())
    change = info.change
    rows = {
        "images": f"{info.images:,}",
        **({"update": _describe_change(change)} if change else {}),
        "views": f"{info.references:,}",
        "unusable": f"{sum(info.rejected.values())} ({reasons})" if reasons else "none",
        "calibration": describe_calibration(info.calibration),
        **_coverage(info, as_json=False),
        **({"signs": _describe_signs(info)} if info.signs else {}),
        "index": str(info.folder),
    }
    terminal.show_rows(rows)
    terminal.news(f"next: geoflood locate PHOTO --city {info.folder.name}")


def _coverage(info: IndexInfo, as_json: bool) -> dict[str, Any]:
    """A street map of before that is damaged does not undo the index."""
    try:
        return coverage_facts(info, as_json)
    except IndexUnusableError as error:
        terminal.error_line(error)
        return {"coverage": None if as_json else "unknown"}


def _describe_change(change: PlanChange) -> str:
    return f"{change.new:,} new, {change.corrected:,} corrected, {change.withdrawn:,} withdrawn"


def _describe_signs(info: IndexInfo) -> str:
    read = info.signs
    return f"{read.views:,} of {info.references:,} views read, {read.with_words:,} with words" if read else ""


def describe_calibration(calibration: Calibration) -> str:
    """What the index's probabilities rest on."""
    from geoflood.outputs.wording import INHERITED, weaknesses

    labelled = sum(entry.labelled for entry in calibration.values())
    if any(entry.inherited for entry in calibration.values()):
        return INHERITED
    source = f"{labelled} of {len(calibration)} parts by labelled photos" if labelled else "by its own images"
    weak = weaknesses(calibration)
    return f"WEAK: {weak}; {source}" if weak else source
