"""Every command: parse, call one function, show, exit. Heavy rooms are imported where they are used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from errno import EPIPE
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from geoflood import __version__
from geoflood.cli import attend as vlm
from geoflood.cli import batch, evaluate, flood, models, terminal
from geoflood.cli.options import (
    BlendForm,
    IndexDir,
    Json,
    Precision,
    Quiet,
    UsualRerank,
    Verbose,
    Workers,
    manner,
)
from geoflood.core.datatypes import Blend
from geoflood.core.errors import CityError, GeofloodError, InputError, PartialError, UsageError
from geoflood.core.paths import city_folder, home
from geoflood.database.bands import BANDS

if TYPE_CHECKING:
    from geoflood.core.datatypes import AttentionMap, Located
    from geoflood.database.calibration import Calibration
    from geoflood.database.manifest import Manifest, Settings

__all__ = ["app"]


class Commands(TyperGroup):
    """Turns the error tree into one line and an exit code, and Ctrl-C into 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GeofloodError as error:
            terminal.error_line(error)
            raise SystemExit(error.exit_code) from error
        except OSError as error:
            if error.errno == EPIPE or error.filename is None:
                raise
            terminal.error_line(
                InputError(f"{error.filename}: {error.strerror}", "check the path and the disk")
            )
            raise SystemExit(InputError.exit_code) from error
        except KeyboardInterrupt:
            terminal.news("interrupted; nothing is lost: run the same command again to continue")
            raise SystemExit(130) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find where a flood photo was taken, on this computer, with the network down.\n\n"
    "Try it: geoflood demo. Then: geoflood index hamburg STREET_IMAGES, and geoflood locate photo.jpg.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"geoflood {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Everything is written here.")] = Path("demo"),
    workers: Workers = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """geoflood demo: draws a small city, indexes it, locates flooded photos of it, writes the map."""
    from geoflood.cli import demo as line

    with terminal.progress() as progress:
        shown = line.run(out, workers, progress)
    for located in shown.located:
        _show(located)
    terminal.show_rows({"truth": shown.verdict, "map": f"{shown.map}  (opens in any browser, offline)"})


@app.command()
def index(
    city: Annotated[str, typer.Argument(help="A name for the index.")],
    images: Annotated[
        list[Path] | None, typer.Argument(help="Folders, or a CSV or GeoJSON of geotags.")
    ] = None,
    geotags: Annotated[
        Path | None, typer.Option(help="CSV or GeoJSON: image, lat, lon [, heading, taken, pano ...].")
    ] = None,
    select: Annotated[
        str | None, typer.Option(help="COLUMN=VALUE: only these rows, such as split=database.")
    ] = None,
    utm_zone: Annotated[
        str | None, typer.Option(help="Zone of @easting@northing@ file names, such as 10S.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Of images that do not say, as SPDX.")] = "",
    credit: Annotated[str, typer.Option(help="Of images that do not say.")] = "",
    backbone: Annotated[
        str, typer.Option(envvar="GEOFLOOD_BACKBONE", help="What describes the images.")
    ] = "rootsift",
    dimension: Annotated[
        str, typer.Option(help="Of a band's descriptor after PCA-whitening; none: as the backbone gives it.")
    ] = "auto",
    bands: Annotated[str, typer.Option(help="Waterline bands, percent of the height.")] = ",".join(
        map(str, BANDS)
    ),
    max_failed: Annotated[
        float, typer.Option(min=0, max=1, help="Share of unusable images above which it is exit 10.")
    ] = 0.5,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Begin anew.")] = False,
    precision: Precision = None,
    workers: Workers = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """geoflood index hamburg ~/street-images: builds the index of a city; run again to go on or add."""
    from geoflood.database import build as line
    from geoflood.imagery.folder import images as source
    from geoflood.localize.calibration.calibrate import self_calibrate

    found = source(images or [], geotags, utm_zone=utm_zone, select=select, licence=licence, credit=credit)
    folder = city_folder(city, index_dir)
    settings = _settings(backbone, dimension, bands)
    with terminal.progress() as progress:
        manifest = line.build(
            folder,
            city,
            found,
            settings,
            self_calibrate,
            workers=workers,
            rebuild=rebuild,
            precision=precision,
            progress=progress,
        )
    _indexed(manifest, folder, as_json)
    failed = sum(manifest.rejected.values())
    if failed > max_failed * (failed + manifest.images):
        raise PartialError(
            f"{failed} images could not be used", "the index works; the reasons are listed above"
        )


@app.command()
def locate(
    photos: Annotated[list[str], typer.Argument(help="Photos, folders of photos, or - for a list on stdin.")],
    city: Annotated[str | None, typer.Option(help="Which index; may be left out when there is one.")] = None,
    top_k: Annotated[int, typer.Option(min=1, max=100, help="Candidates to show.")] = 10,
    attention: Annotated[
        str | None,
        typer.Option(
            help="none; ollama: the model's, the default where one is named; auto: the model's if it can be "
            "had; or FILE: JSON grid or regions, or a grey PNG."
        ),
    ] = None,
    waterline: Annotated[
        float | None,
        typer.Option(min=0, max=0.9, help="Share of the height under water, 0..0.9; unknown: all bands."),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="How much the attention counts; default 1, of a model's 0.25."),
    ] = None,
    blend: BlendForm = Blend.CONTINUOUS,
    model: vlm.Model = None,
    ollama_host: vlm.OllamaHost = None,
    openai_host: vlm.OpenAIHost = None,
    allow_remote: vlm.AllowRemote = None,
    prompt: vlm.PromptForm = "cells",
    grid: vlm.Grid = 4,
    consistency: vlm.Consistency = 1,
    rerank: UsualRerank = None,
    verify: vlm.Verify = 0,
    search_anyway: vlm.Anyway = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for map.html, located.geojson, located.csv.")
    ] = None,
    basemap: Annotated[
        Path | None, typer.Option(help="GeoJSON of streets and water to draw under the map.")
    ] = None,
    tiles: Annotated[
        str | None, typer.Option(help="URL of a tile server; the map then needs the network.")
    ] = None,
    precision: Precision = None,
    workers: Workers = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """geoflood locate photo.jpg --city hamburg: where a photo was taken, with a map that opens offline.

    Writes to ./located; with --json only where --out says.
    """
    from geoflood.core.datatypes import Query

    queries = [Query(path) for path in _photos(photos)]
    if not queries:
        raise InputError("no photos given", "geoflood locate PHOTO, or - and a list of paths on stdin")
    folder = _indexed_city(city, index_dir)
    chosen = vlm.choice(model, ollama_host, openai_host, allow_remote, prompt, grid, consistency)
    eyes = vlm.eyes(chosen, attention, verify, folder)
    read = None if eyes.attends else _attention(eyes.attention, waterline)
    from geoflood.localize.locator import Locator
    from geoflood.outputs.result_folder import hand_over, read_basemap

    streets = read_basemap(basemap) if basemap else None
    with eyes.open() as asker, terminal.progress() as progress:
        locator = Locator(folder, precision)
        again = locator.usual_rerank if rerank is None else rerank
        how = manner(top_k, eyes.alpha if alpha is None else alpha, blend, again)
        locator.check(how)
        search = partial(
            locator.locate_all,
            manner=how,
            verify=eyes.verifier(asker),
            workers=workers,
            progress=progress,
        )
        if read is not None:
            located = search(queries, read)
        else:
            located = eyes.locate(
                queries, asker, search, waterline=waterline, anyway=search_anyway, progress=progress
            )
    for one in located:
        _show(one, as_json)
    if out or not as_json:
        written = hand_over(located, locator.database, out or Path("located"), basemap=streets, tiles=tiles)
        for name, path in written.items():
            terminal.news(f"{name}: {path}")
    _failures(located)


@app.command()
def cities(index_dir: IndexDir = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """geoflood cities: lists what is indexed."""
    from geoflood.database.manifest import read_manifest

    rows: list[dict[str, Any]] = []
    for folder in _city_folders(index_dir):
        try:
            m = read_manifest(folder)
            rows.append(
                {
                    "city": m.city,
                    "images": m.images,
                    "references": m.references,
                    "backbone": m.settings.backbone,
                }
            )
        except GeofloodError as error:
            terminal.error_line(error)
    if as_json:
        for row in rows:
            terminal.emit(row)
    elif rows:
        terminal.show_table(
            f"cities in {home('index', index_dir)}",
            list(rows[0]),
            [[str(v) for v in r.values()] for r in rows],
        )
    else:
        terminal.news(
            f"nothing is indexed in {home('index', index_dir)}; begin with: geoflood index CITY IMAGES"
        )


@app.command()
def info(city: str, index_dir: IndexDir = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """geoflood info hamburg: counts, sources, licences, coverage of one index; checks every file."""
    from geoflood.cli.checks import describe_index
    from geoflood.database.database import Database

    facts = describe_index(Database(city_folder(city, index_dir)))
    if as_json:
        terminal.emit(facts)
    else:
        terminal.show_rows({name: _words(value) for name, value in facts.items()})


@app.command()
def doctor(
    model: vlm.Model = None,
    ollama_host: vlm.OllamaHost = None,
    openai_host: vlm.OpenAIHost = None,
    allow_remote: vlm.AllowRemote = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood doctor: what is installed, present and usable, and what to do about the rest."""
    from geoflood.cli.checks import examine, examine_model

    hosts, allowed = openai_host or ollama_host or [], allow_remote or []
    findings = examine(home("index", index_dir), home("models"))
    findings += examine_model(model, hosts, bool(openai_host), allowed)
    if as_json:
        terminal.emit(
            {
                finding.what: {"ok": finding.ok, "found": finding.found, "advice": finding.advice}
                for finding in findings
            }
        )
    else:
        rows = [["yes" if f.ok else "NO", f.what, f.found, f.advice] for f in findings]
        terminal.show_table("geoflood doctor", ["ok", "what", "found", "what to do"], rows)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _settings(backbone: str, dimension: str, bands: str) -> Settings:
    from geoflood.backbones.learned import usual_dimension, version_of
    from geoflood.database.manifest import Settings
    from geoflood.imagery.panorama import FOV_DEG, HEADINGS

    try:
        shares = tuple(sorted({0, *(int(band) for band in bands.split(","))}))
        if dimension == "auto":
            size = usual_dimension(backbone)
        else:
            size = None if dimension == "none" else int(dimension)
    except ValueError as error:
        raise UsageError(
            f"--bands and --dimension take whole numbers: {error}", "such as --bands 0,30,60"
        ) from error
    if shares[0] < 0 or shares[-1] > 90 or (size is not None and size < 8):
        raise UsageError("bands are 0 to 90 percent, a dimension is 8 or more", "such as --bands 0,30,60")
    return Settings(backbone, version_of(backbone), shares, size, HEADINGS, FOV_DEG)


def _indexed(manifest: Manifest, folder: Path, as_json: bool) -> None:
    """The last lines of `index`: what came in, what did not, what next."""
    rejected = dict(manifest.rejected)
    from geoflood.database.calibration import CalibrationKey
    from geoflood.outputs.wording import weakness

    weak = weakness(manifest.calibration[CalibrationKey(None)]) or None
    if as_json:
        counts = {"images": manifest.images, "references": manifest.references, "rejected": rejected}
        terminal.emit({"city": manifest.city, "index": str(folder), **counts, "weak_calibration": weak})
        return
    lost = ", ".join(f"{n} {reason}" for reason, n in rejected.items())
    unusable = f"{sum(rejected.values())} ({lost})" if lost else "none"
    rows = {
        "images": f"{manifest.images:,}",
        "views": f"{manifest.references:,}",
        "unusable": unusable,
        "calibration": _calibration(manifest.calibration),
        "index": str(folder),
    }
    terminal.show_rows(rows)
    terminal.news(f"next: geoflood locate PHOTO --city {folder.name}")


def _calibration(calibration: Calibration) -> str:
    """What the index's probabilities rest on."""
    from geoflood.database.calibration import CalibrationKey
    from geoflood.outputs.wording import weakness

    labelled = sum(entry.labelled for entry in calibration.values())
    learned = (
        f"{labelled} of {len(calibration)} parts by labelled photos" if labelled else "by its own images"
    )
    weak = weakness(calibration[CalibrationKey(None)])
    return f"WEAK, so areas are wider: {weak}; {learned}" if weak else learned


def _photos(named: list[str]) -> Iterator[Path]:
    """The photos meant: files as they are, what lies in folders, lines of stdin."""
    from geoflood.imagery.folder import is_picture

    for name in named:
        if name == "-":
            yield from (Path(line) for line in sys.stdin.read().splitlines() if line.strip())
        elif Path(name).is_dir():
            inside = sorted(path for path in Path(name).rglob("*") if is_picture(path))
            if not inside:
                raise InputError(f"no photos in {name}", "give a folder with JPEG or PNG files")
            yield from inside
        else:
            yield Path(name)


def _city_folders(index_dir: Path | None) -> list[Path]:
    root = home("index", index_dir)
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _indexed_city(city: str | None, index_dir: Path | None) -> Path:
    if city:
        return city_folder(city, index_dir)
    there = [folder for folder in _city_folders(index_dir) if (folder / "manifest.json").is_file()]
    if len(there) == 1:
        return there[0]
    if there:
        raise UsageError(
            "several cities are indexed", f"say --city, one of: {', '.join(f.name for f in there)}"
        )
    raise CityError(
        f"nothing is indexed in {home('index', index_dir)}", "begin with: geoflood index CITY IMAGES"
    )


def _attention(wanted: str, waterline: float | None) -> AttentionMap:
    """The analyst's word on the waterline stands over the file's."""
    from dataclasses import replace

    from geoflood.core.datatypes import AttentionMap
    from geoflood.localize.attention import read_attention

    if wanted == "none":
        return AttentionMap.neutral(waterline, "none" if waterline is None else "analyst")
    read = read_attention(Path(wanted))
    return read if waterline is None else replace(read, waterline=waterline)


def _show(located: Located, as_json: bool = False) -> None:
    from geoflood.outputs.record import record

    if as_json:
        terminal.emit(record(located))
    else:
        terminal.report(located)


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else f"{value}"


def _failures(located: list[Located]) -> None:
    """Some failed: exit 10; all of them: exit 3."""
    from geoflood.core.datatypes import Outcome

    failed = [one for one in located if one.outcome is Outcome.FAILED]
    if failed and len(failed) == len(located):
        raise InputError(f"no photo could be read; the first: {failed[0].reason}", "give JPEG or PNG files")
    if failed:
        raise PartialError(f"{len(failed)} of {len(located)} photos failed", "the others were located")


for room in (models, batch, evaluate, flood, vlm):
    room.register(app)
