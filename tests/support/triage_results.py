"""Findings and results to make triage pages of."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np

from geoflood.core.datatypes import (
    Candidate,
    Cell,
    City,
    Estimate,
    Geotag,
    Image,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.core.geo import from_local
from geoflood.triage.findings import Finding, Post
from geoflood.triage.outputs import write_outputs
from geoflood.triage.results import read_results
from tests.support.batch import photo_jpeg, post_row, run_batch, write_posts
from tests.support.browser import open_page

SPOT = LatLon(29.76, -95.37)
CITY = City(
    "rivertown", 400, 100, "rootsift", from_local(np.random.default_rng(1).uniform(-500, 500, (400, 2)), SPOT)
)


def finding(
    number: int, text: str = "water", outcome: Outcome = Outcome.LOCATED, spread_m: float = 3000.0
) -> Finding:
    rng = np.random.default_rng(number)
    (lat, lon), share = from_local([rng.uniform(-spread_m, spread_m, 2)], SPOT)[0], float(rng.uniform(0.1, 1))
    spot = LatLon(float(lat), float(lon))
    reference = Reference(number % 50, "k", spot, "a.jpg", credit=text, licence=text)
    estimate = Estimate(spot, share, 9.0, 30.0, (Cell(spot, 10.0, 0.9),), 0.1)
    located = Located(
        Query(Path(f"{number}.jpg")),
        outcome,
        Reason.recorded(text),
        (Candidate(reference, 0.8, street=text),),
        estimate,
        streets=StreetWords(text, ((text, 0.6), (text, 0.3)), text, text),
    )
    post = Post(
        "twarc2 JSONL", text, text, text, datetime(2021, 7, 14, number % 24), Geotag(spot, "post"), place=text
    )
    return Finding(
        number, f"{number:064x}", text, located, (post,) * (1 + number % 3), Geotag(spot, "exif"), 1, text
    )


def any_picture(reference: object) -> Image:
    return np.random.default_rng(1).integers(0, 255, (90, 120, 3), dtype=np.uint8)


def run_script(page: Path, script: str, tmp_path: Path) -> str:
    text = re.sub("<meta http-equiv[^>]*>", "", page.read_text("utf-8"))
    name = re.search(r"var (map_\w+) =", text)
    assert name
    script = script.replace("map_.", f"{name[1]}.")
    page.write_text(text.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    return open_page(page, tmp_path / "profile")


def write_results(root: Path, count: int = 3) -> Path:
    folder = write_posts(root, *(post_row(f"{n}.jpg", f"post {n}", n) for n in range(count)))
    for n in range(count):
        (folder / f"{n}.jpg").write_bytes(photo_jpeg(n))
    run_batch(root)
    write_outputs(read_results(root / "out"), CITY)
    return root / "out"
