"""Folders of posts, their photos, and a locator that needs no index."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from geoflood.core.datatypes import (
    AttentionMap,
    Bounds,
    Candidate,
    Cell,
    City,
    Estimate,
    Image,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    ReasonKind,
    Reference,
    SearchOptions,
)
from geoflood.core.images import UnreadableImageError, jpeg, read_image
from geoflood.localize.outcome import judge
from geoflood.places.street_map import StreetMap
from geoflood.triage.findings import Finding
from geoflood.triage.options import BatchOptions, BatchRequest
from geoflood.triage.pipeline import BatchSummary, batch_locate
from geoflood.triage.results import read_results
from geoflood.vlm.stage import VlmSelection, VlmStage

SPOT = LatLon(29.76, -95.37)
OPTIONS = BatchOptions("rivertown")
CITY = City("rivertown", 3, 3, "rootsift", np.array([[29.76, -95.37]]))


@dataclass
class FakeLocator:
    """Locates by the photo's first pixel, as a Locator would by all of them."""

    seconds: float = 0.0
    seen: list[tuple[Path, Bounds | None]] = field(default_factory=list)
    described: list[int] = field(default_factory=list)
    broken: Callable[[Path], bool] = lambda path: False
    street_map: StreetMap | None = None
    street_map_problem: str = ""
    vectors_notice: str = ""

    def check(self, options: SearchOptions) -> None:
        """It can do everything."""

    def resolved(self, options: SearchOptions | None) -> SearchOptions:
        """It re-ranks only when asked to."""
        options = options or SearchOptions()
        return options if options.rerank is not None else replace(options, rerank=0)

    def describe(
        self,
        pixels: Sequence[Image],
        attention: Sequence[AttentionMap],
        options: SearchOptions | None = None,
    ) -> Any:
        self.described.append(len(pixels))
        return np.zeros((len(pixels), 5, 8), np.float32)

    def locate(
        self,
        query: Query,
        attention: AttentionMap | None = None,
        options: SearchOptions | None = None,
        *,
        within: Bounds | None = None,
        verify: Any = None,
        pixels: Image | None = None,
        described: Any = None,
    ) -> Located:
        self.seen.append((query.path, within))
        time.sleep(self.seconds)
        if self.broken(query.path):
            raise RuntimeError("a bug")
        try:
            shade = int(read_image(query.path)[0, 0, 0])
        except UnreadableImageError as error:
            return Located(
                query, Outcome.FAILED, Reason(ReasonKind.UNREADABLE, detail=error.what), attention=attention
            )
        reference = Reference(
            shade, f"folder:{shade}.jpg", SPOT, f"{shade}.jpg", 30.0, credit="A", licence="CC0-1.0"
        )
        cells = tuple(Cell(LatLon(round(29.76 + n / 1e4, 7), -95.37), 10.0, 0.1) for n in range(9))
        estimate = Estimate(SPOT, 0.7, 9.0, 30.0, cells, 0.1)
        outcome = Outcome.LOCATED if shade % 2 else Outcome.UNCERTAIN
        return Located(
            query,
            outcome,
            Reason.recorded("why"),
            (Candidate(reference, 0.8),),
            estimate,
            attention,
            {"read": 0.1},
        )


@dataclass
class TwoPassLocator(FakeLocator):
    """A locator that re-ranks 20 as usual: photos 0.jpg to 9.jpg have other places and odds for it."""

    calls: list[tuple[str, int, AttentionMap | None, bool]] = field(default_factory=list)
    """(photo, candidates re-ranked, its attention, whether a model compares)."""
    breaks: Callable[[str, int], bool] = lambda name, rerank: False

    def resolved(self, options: SearchOptions | None) -> SearchOptions:
        options = options or SearchOptions()
        return options if options.rerank is not None else replace(options, rerank=20)

    def locate(
        self,
        query: Query,
        attention: AttentionMap | None = None,
        options: SearchOptions | None = None,
        **more: Any,
    ) -> Located:
        rerank = self.resolved(options).rerank or 0
        self.calls.append((query.path.name, rerank, attention, more.get("verify") is not None))
        if self.breaks(query.path.name, rerank):
            raise RuntimeError("a bug")
        located = super().locate(query, attention, options, **more)
        if located.estimate is None:
            return located
        estimate = found_by(int(query.path.stem), located.estimate, bool(rerank))
        outcome, reason = judge(estimate)
        return replace(located, outcome=outcome, reason=reason, estimate=estimate)


SEARCHED = (0.95, 0.55, 0.3, 0.02, 0.0, 0.62, 0.45, 0.75, 0.2, 0.93)
ABSENT = (0.01, 0.1, 0.45, 0.9, 0.9995, 0.1, 0.3, 0.05, 0.55, 0.06)
"""Probability, and share "not in this index", of photos 0 to 9 as searching alone has them."""


def found_by(photo: int, estimate: Estimate, reranked: bool) -> Estimate:
    """Re-ranking verifies the even ones, and moves every third by 70 m."""
    probability, absent = SEARCHED[photo % 10], ABSENT[photo % 10]
    here = replace(estimate, probability=probability, not_in_index=absent)
    if not reranked:
        return here
    north = estimate.position.lat + 6.3e-4 * (photo % 3 == 0)
    surer = probability + (1 - absent - probability) * (0.8 if photo % 2 == 0 else 0.1)
    return replace(
        here,
        position=LatLon(north, estimate.position.lon),
        probability=surer,
        verified=photo % 2 == 0,
    )


def random_scene(seed: int) -> Image:
    rng = np.random.default_rng(seed)
    picture = np.full((120, 160, 3), 128, np.uint8)
    for _ in range(80):
        (y, x), (h, w) = rng.integers(0, (110, 150)), rng.integers(5, 40, 2)
        picture[y : y + h, x : x + w] = rng.integers(0, 255, 3)
    return picture


def photo_jpeg(seed: int, quality: int = 90) -> bytes:
    return jpeg(random_scene(seed), quality=quality)


def write_index(root: Path, content: str = "{}") -> Path:
    (root / "index").mkdir(exist_ok=True)
    (root / "index" / "manifest.json").write_text(content, "utf-8")
    return root / "index"


def write_posts(root: Path, *rows: dict[str, Any]) -> Path:
    folder = root / "posts"
    folder.mkdir(exist_ok=True)
    (folder / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def run_batch(
    root: Path, locator: FakeLocator | None = None, options: BatchOptions = OPTIONS, **more: Any
) -> BatchSummary:
    return batch_locate(
        root / "posts", root / "out", locator or FakeLocator(), write_index(root), options, workers=2, **more
    )


def run_batch_slowly(root: str) -> None:
    """Long enough to be killed meanwhile."""
    run_batch(Path(root), FakeLocator(seconds=0.05))


def findings(root: Path) -> list[Finding]:
    return list(read_results(root / "out"))


def post_row(image: str, text: str, hour: int, **more: Any) -> dict[str, Any]:
    return {"image": image, "text": text, "date": f"2021-07-14T{hour:02}:00:00", **more}


def finding_rows(root: Path) -> list[Any]:
    return [
        (one.number, one.sha256, one.file, one.copies, one.located.outcome, one.located.reason, one.posts)
        for one in findings(root)
    ]


class IndexedFakeLocator(FakeLocator):
    """A Locator that has an index."""

    def __init__(self, folder: Path, *_: object, search: str | None = None) -> None:
        super().__init__()
        self.database = SimpleNamespace(city=lambda: CITY)
        self.batch = 4


class IndexedTwoPassLocator(TwoPassLocator):
    """A locator of two passes that has an index."""

    def __init__(self, folder: Path, *_: object, search: str | None = None) -> None:
        super().__init__()
        self.database = SimpleNamespace(city=lambda: CITY)
        self.batch = 4


def run_batch_with_model(folder: str, host: str) -> None:
    """A batch that asks the model of a server about every photo."""
    root = Path(folder)
    stage = VlmStage(VlmSelection("tiny-vl", (host,)), "ollama", 0, "Rivertown")
    with stage.open() as asker:
        batch_locate(
            root / "posts",
            root / "out",
            FakeLocator(),
            write_index(root),
            BatchOptions("rivertown", vlm=stage.settings),
            BatchRequest(stage, asker),
            workers=2,
        )
