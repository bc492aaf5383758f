"""How soon the triage page of many photos can be used, in a headless Chromium.

    python -m benchmarks.triage_page [--photos 5000] [--loads 7]

Photos are made up, each with a post, matches, an area and pictures. Prints the size of the page, and
milliseconds from the start of each load until a person can decide: the least, the median, the most.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from geoflood.core.datatypes import Outcome
from geoflood.triage.export.triage_page import write_triage
from tests.support.browser import open_page, page_data
from tests.support.triage_results import CITY, any_picture, finding

OUTCOMES = (Outcome.LOCATED, Outcome.LIKELY, Outcome.UNCERTAIN, Outcome.NOT_FOUND)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--photos", type=int, default=5000)
    options.add_argument("--loads", type=int, default=7)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "triage.html")
        found = (finding(n, "water " * 20, OUTCOMES[n % 4]) for n in range(1, given.photos + 1))
        write_triage(page, found, CITY, "b", view=any_picture)
        print(f"{given.photos:,} photos, {page.stat().st_size / 1e6:.1f} MB")
        loads = []
        for at in range(given.loads):
            dom = open_page(page, Path(folder, f"profile{at}"))
            loads.append(int(page_data(dom, "ready-after") or "0"))
        print(f"ready after {min(loads)} ms, {statistics.median(loads):.0f}, {max(loads)} ms")


if __name__ == "__main__":
    main()
