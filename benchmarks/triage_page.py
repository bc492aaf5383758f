"""How soon the triage page of many photos can be used, in a headless Chromium.

    python -m benchmarks.triage_page [--photos 5000] [--full] [--loads 7] [--keep FILE] [--beside FILE ...]

Photos are made up, each with a post, a match and an area; fifty matches have pictures. With `--full` each
match has one of its own, as many as a page may hold. Prints the size of the page and, of all loads the least,
the median and the most, in milliseconds:

- ready: by the clock, from the start of the load until a person can decide
- processor: what the page's main thread had worked by then
- whole: by the clock, until the last byte is read

`--keep` leaves the page there; `--beside` loads pages that were kept by turns with it, to compare two states.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from geoflood.core.datatypes import Image, Outcome, Reference
from geoflood.triage.export.triage_page import BUDGET, write_triage
from geoflood.triage.findings import Finding
from tests.support.keyboard import Keyboard, keyboard
from tests.support.triage_results import CITY, any_picture, finding

OUTCOMES = (Outcome.LOCATED, Outcome.LIKELY, Outcome.UNCERTAIN, Outcome.NOT_FOUND)
SMALL = 15_000
"""Bytes of a small picture, at least."""
WHOLE = """document.readyState === "complete" && Math.round(
  performance.getEntriesByType("navigation")[0].domContentLoadedEventStart)"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--photos", type=int, default=5000)
    options.add_argument("--full", action="store_true")
    options.add_argument("--loads", type=int, default=7)
    options.add_argument("--keep", type=Path)
    options.add_argument("--beside", type=Path, nargs="*", default=[])
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = given.keep or Path(folder, "triage.html")
        found = (made(n, 0 if given.full and n * SMALL < BUDGET else 50) for n in range(1, given.photos + 1))
        write_triage(page, found, CITY, "b", view=speckled if given.full else any_picture)
        measure([page.resolve(), *(path.resolve() for path in given.beside)], given.loads, Path(folder))


def made(number: int, views: int) -> Finding:
    """A photo and its match; 0 views: one that no other photo has."""
    one = finding(number, "water " * 20, OUTCOMES[number % 4])
    best = one.located.candidates[0]
    mine = replace(best.reference, id=number % views if views else 100 + number)
    return replace(one, located=replace(one.located, candidates=(replace(best, reference=mine),)))


def speckled(reference: Reference) -> Image:
    """A picture whose small version has about as many bytes as that of a street image."""
    return np.random.default_rng(reference.id).integers(0, 255, (150, 200, 3), dtype=np.uint8)


def measure(pages: Sequence[Path], loads: int, folder: Path) -> None:
    """Load pages by turns, each time in a browser of its own, as somebody opens them."""
    seen: dict[Path, list[dict[str, float]]] = {page: [] for page in pages}
    for at in range(loads):
        for number, page in enumerate(pages):
            with keyboard(folder / f"profile{at}-{number}") as keys:
                seen[page].append(load(keys, page))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for page, told in seen.items():
        print(f"{page}, {page.stat().st_size / 1e6:.1f} MB")
        for name in told[0]:
            took = [one[name] for one in told]
            print(f"  {name} {min(took):.0f}, {statistics.median(took):.0f}, {max(took):.0f}")


def load(keys: Keyboard, page: Path) -> dict[str, float]:
    """Milliseconds of one load."""
    keys.open(page, counted=True)
    metrics = {one["name"]: one["value"] for one in keys.call("Performance.getMetrics")["metrics"]}
    ready = float(keys.ask("document.documentElement.dataset.readyAfter"))
    while not (whole := keys.ask(WHOLE)):
        pass
    return {"ready": ready, "processor": metrics["TaskDuration"] * 1000, "whole": whole}


if __name__ == "__main__":
    main()
