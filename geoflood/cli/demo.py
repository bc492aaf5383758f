"""`geoflood demo`: draws a small city, indexes it, locates flooded photos of it, writes the map. Offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import geoflood
from geoflood.cli import terminal
from geoflood.cli.options import Quiet, Workers
from geoflood.cli.show_located import show_located
from geoflood.core.datatypes import Located, Outcome, Progress
from geoflood.core.geo import distance_m

if TYPE_CHECKING:
    from geoflood.synthetic.town import Truth

__all__ = ["DemoResult", "compare_with_truth", "draw_town", "register", "run"]

CITY = "demo town"
MAP = ".geojson"
PHOTOS = 4
"""Photos of the town; one of another town comes with them."""


@dataclass(frozen=True)
class DemoResult:
    """What the demo ends with."""

    located: Sequence[Located]
    """The surest first."""
    map: Path
    verdict: str
    """How the answers compare with the truth."""


def register(app: typer.Typer) -> None:
    """Add demo to the program."""
    app.command()(demo)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Everything is written here.")] = Path("demo"),
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """geoflood demo: draws a small city, indexes it, locates flooded photos of it, writes the map."""
    with terminal.progress() as progress:
        result = run(out, workers, progress)
    for located in result.located:
        show_located(located)
    terminal.show_rows({"truth": result.verdict, "map": f"{result.map}  (opens in any browser, offline)"})


def draw_town(streets: Path, photos: Path, progress: Progress) -> list[Truth]:
    """A town to index, its map beside it, and photos to locate."""
    from geoflood.synthetic.town import build_town, write_city, write_queries, write_street_map

    town = build_town()
    write_street_map(streets.with_suffix(MAP), town)
    write_city(streets, town, progress=progress)
    return write_queries(photos, town, PHOTOS)


def run(
    out: Path,
    workers: int | None,
    progress: Progress,
    draw: Callable[[Path, Path, Progress], list[Truth]] = draw_town,
) -> DemoResult:
    """Draw, index, locate and hand over into `out`; run again, it redraws nothing that is there."""
    from geoflood.outputs.result_folder import write_results

    streets, photos = out / "streets", out / "photos"
    truths = draw(streets, photos, progress)
    info = geoflood.build_index(
        CITY,
        [streets],
        streets=streets.with_suffix(MAP),
        licence="CC0-1.0",
        credit="geoflood townscape",
        dimension=512,
        index_dir=out / "index",
        workers=workers,
        progress=progress,
    )
    town = geoflood.open(info.folder)
    located = town.locate_all([photos / truth.image for truth in truths], workers=workers, progress=progress)
    surest = sorted(located, key=_doubt)
    written = write_results(surest, town.database.city(), out / "located", streets=town.street_map)
    return DemoResult(surest, written["map"], compare_with_truth(located, truths))


def _doubt(located: Located) -> tuple[int, float]:
    """The surest answers come first."""
    return list(Outcome).index(located.outcome), -located.estimate.probability if located.estimate else 0.0


def compare_with_truth(located: Sequence[Located], truths: Sequence[Truth]) -> str:
    """How far off the photos of the town are, and how many strangers were taken for ones of the town."""
    pairs = list(zip(located, truths, strict=True))
    errors_m = [_error_m(answer, truth) for answer, truth in pairs if truth.in_city]
    strangers = [answer for answer, truth in pairs if not truth.in_city]
    mistaken = sum(answer.outcome in (Outcome.LOCATED, Outcome.LIKELY) for answer in strangers)
    metres = ", ".join(f"{error:.0f} m" for error in errors_m)
    return f"{metres} from where they were taken; {mistaken} of {len(strangers)} strangers taken for one here"


def _error_m(located: Located, truth: Truth) -> float:
    if located.estimate is None:
        return float("inf")
    position = located.estimate.position
    return float(distance_m((position.lat, position.lon), (truth.position.lat, truth.position.lon)))
