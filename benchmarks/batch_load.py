"""Memory and speed of a batch apart from locating: python -m benchmarks.batch_load COUNT [--seconds S].

Makes COUNT posts with a small picture each in a temporary folder and runs them through everything but the
index: reading, hashing, duplicates, EXIF, the journal, the outputs. The locator waits S seconds a photo.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from geoflood.batch.line import batch_locate
from geoflood.batch.options import Options
from geoflood.batch.outputs import write_outputs
from geoflood.images import jpeg
from geoflood.terms import (
    USUAL,
    AttentionMap,
    Bounds,
    Candidate,
    Cell,
    City,
    Estimate,
    Image,
    LatLon,
    Located,
    Manner,
    Outcome,
    Query,
    Reference,
    Vectors,
)

SPOT = LatLon(29.76, -95.37)
CELLS = tuple(Cell(LatLon(29.76 + n / 1e4, -95.37), 10.0, 0.009) for n in range(100))
FOUND = tuple(
    Candidate(Reference(n, f"folder:{n}.jpg", SPOT, f"{n}.jpg", credit="A. Mapper", licence="CC0-1.0"), 0.5)
    for n in range(10)
)


class Pretender:
    """Locates everything at one place."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def describe(
        self,
        pixels: Sequence[Image],
        attention: Sequence[AttentionMap],
        manner: Manner = USUAL,
    ) -> Vectors:
        return np.zeros((len(pixels), 1, 1), np.float32)

    def locate(
        self,
        query: Query,
        attention: AttentionMap | None = None,
        manner: Manner = USUAL,
        *,
        within: Bounds | None = None,
        verify: object = None,
        pixels: Image | None = None,
        described: Vectors | None = None,
    ) -> Located:
        time.sleep(self.seconds)
        estimate = Estimate(SPOT, 0.7, 9.0, 30.0, CELLS, 0.1)
        return Located(query, Outcome.LOCATED, "pretended", FOUND, estimate, attention)


def made(root: Path, count: int) -> Path:
    """A folder of posts, each with a picture of its own."""
    folder = root / "posts"
    folder.mkdir()
    dice = np.random.default_rng(1)
    with (folder / "posts.jsonl").open("w", encoding="utf-8") as file:
        for n in range(count):
            picture = np.kron(dice.integers(0, 255, (12, 16, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
            part = folder / f"{n // 1000:03}"
            part.mkdir(exist_ok=True)
            (part / f"{n}.jpg").write_bytes(jpeg(picture))
            row = {
                "image": f"{n // 1000:03}/{n}.jpg",
                "id": str(n),
                "text": f"water {n} " * 12,
                "author": "ana",
            }
            file.write(json.dumps(row) + "\n")
    return folder


def peak_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seconds", type=float, default=0.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        folder = made(root, given.count)
        (root / "manifest.json").write_text("{}", encoding="utf-8")
        start = peak_mb()
        for turn in ("first run", "nothing new"):
            begun = time.perf_counter()
            batch_locate(folder, root / "out", Pretender(given.seconds), root, Options("nowhere"))
            spent = time.perf_counter() - begun
            rate = given.count / spent
            print(f"{turn}: {spent:.1f} s, {rate:.0f}/s, {start:.0f} -> {peak_mb():.0f} MB", flush=True)
        begun = time.perf_counter()
        files = write_outputs(root / "out", City("nowhere", 0, 0, "none", np.empty((0, 2))))
        sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in files.values())
        print(f"outputs: {time.perf_counter() - begun:.1f} s, {peak_mb():.0f} MB; {sizes}")


if __name__ == "__main__":
    main()
