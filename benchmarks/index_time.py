"""How long the stages of an index take, whether each moves, and how well the end of the whole is foretold.

    python -m benchmarks.index_time TABLE [--images 160]

TABLE is a CSV of geotags, as `geoflood index --geotags` takes it; its first images are indexed, in a folder
that is removed. Prints for each stage its share of the time, how often it told of itself and its longest
silence. Then, at each tenth of the time, how long the whole was foretold to take beside what it took.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import geoflood
from geoflood.cli.time_left import TimeLeft


@dataclass
class Log:
    """News of the stages as it comes, and what was foretold then; seconds of the whole."""

    begun: float = field(default_factory=time.monotonic)
    whole: TimeLeft = field(default_factory=TimeLeft)
    now: float = 0.0
    news: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds between one news and the next, by the stage that told the later one."""
    foretold: list[tuple[float, float | None]] = field(default_factory=list)

    def update(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic() - self.begun
        self.whole.update(stage, done, total, now)
        self.news[stage].append(now - self.now)
        self.foretold.append((now, self.whole.seconds()))
        self.now = now


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("table", type=Path)
    options.add_argument("--images", type=int, default=160)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = first_rows(given.table, Path(folder, "images.csv"), given.images)
        log = Log()
        geoflood.build_index("some", geotags=table, index_dir=Path(folder), progress=log.update)
        took = time.monotonic() - log.begun
    show(log, took)


def first_rows(table: Path, copy: Path, count: int) -> Path:
    """So many rows, their images by their whole paths."""
    with (
        table.open(newline="", encoding="utf-8") as file,
        copy.open("w", newline="", encoding="utf-8") as new,
    ):
        rows = csv.DictReader(file)
        written = csv.DictWriter(new, rows.fieldnames or ())
        written.writeheader()
        for _, row in zip(range(count), rows, strict=False):
            written.writerow(row | {"image": str((table.parent / row["image"]).resolve())})
    return copy


def show(log: Log, took: float) -> None:
    print(f"{took:.0f} s, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for stage, gaps in log.news.items():
        print(
            f"{stage:22} {sum(gaps):6.1f} s, {sum(gaps) / took:5.1%}; "
            f"{len(gaps)} news, longest silence {max(gaps):.1f} s"
        )
    print(f"after the last news: {took - log.now:.1f} s")
    for tenth in range(1, 10):
        at, left = next((one for one in log.foretold if one[0] >= took * tenth / 10), (took, None))
        said = "nothing" if left is None else f"{at + left:.0f} s, {(at + left) / took:.2f} of what it took"
        print(f"after {at:.0f} s foretold: {said}")


if __name__ == "__main__":
    main()
