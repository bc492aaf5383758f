"""`geoflood demo`: draws a small city, indexes it, locates flooded photos of it, writes the map. Offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geoflood.backbones.learned import version_of
from geoflood.core.datatypes import Located, Outcome, Progress, Query, SearchOptions
from geoflood.core.geo import distance_m
from geoflood.database.bands import BANDS
from geoflood.database.build import build
from geoflood.database.manifest import Settings
from geoflood.imagery.folder import images
from geoflood.imagery.panorama import FOV_DEG, HEADINGS
from geoflood.localize.calibration.calibrate import self_calibrate
from geoflood.localize.locator import Locator
from geoflood.outputs.result_folder import hand_over
from geoflood.synthetic.town import Truth, build_town, write_city, write_queries

__all__ = ["DemoResult", "run"]

CITY = "demo town"
PHOTOS = 4


@dataclass(frozen=True)
class DemoResult:
    """What the demo ends with."""

    located: Sequence[Located]
    map: Path
    verdict: str


def run(out: Path, workers: int | None, progress: Progress) -> DemoResult:
    """Draw, index, locate and hand over into `out`; run again, it redraws nothing that is there."""
    streets, photos = out / "streets", out / "photos"
    truths = draw(streets, photos, progress)
    settings = Settings("rootsift", version_of("rootsift"), BANDS, 512, HEADINGS, FOV_DEG)
    found = images([streets], licence="CC0-1.0", credit="geoflood townscape")
    build(
        out / "index" / "demo-town", CITY, found, settings, self_calibrate, workers=workers, progress=progress
    )
    locator = Locator(out / "index" / "demo-town")
    queries = [Query(photos / truth.image) for truth in truths]
    manner = SearchOptions(rerank=locator.usual_rerank)
    located = locator.locate_all(queries, manner=manner, workers=workers, progress=progress)
    surest = sorted(located, key=_doubt)
    written = hand_over(surest, locator.database, out / "located")
    return DemoResult(surest, written["map"], verdict(located, truths))


def _doubt(located: Located) -> tuple[int, float]:
    """The surest answers come first."""
    return list(Outcome).index(located.outcome), -located.estimate.probability if located.estimate else 0.0


def draw(streets: Path, photos: Path, progress: Progress) -> list[Truth]:
    """A town to index, and photos to locate."""
    town = build_town()
    write_city(streets, town, progress=progress)
    return write_queries(photos, town, PHOTOS)


def verdict(located: Sequence[Located], truths: Sequence[Truth]) -> str:
    """How the answers compare with what was drawn, in words."""
    here = [(one, truth) for one, truth in zip(located, truths, strict=True) if truth.in_city]
    errors = [_error_m(one, truth) for one, truth in here]
    away = [one for one, truth in zip(located, truths, strict=True) if not truth.in_city]
    mistaken = sum(one.outcome is Outcome.LOCATED for one in away)
    metres = ", ".join(f"{error:.0f} m" for error in errors)
    return f"{metres} from where they were taken; {mistaken} of {len(away)} strangers taken for one here"


def _error_m(located: Located, truth: Truth) -> float:
    if located.estimate is None:
        return float("inf")
    found = located.estimate.position
    return float(distance_m((found.lat, found.lon), (truth.position.lat, truth.position.lon)))
