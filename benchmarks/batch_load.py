"""Memory and speed of a batch apart from locating: batch_load.py COUNT [--seconds S] [--outputs].

Makes COUNT posts with a small picture each in a temporary folder and runs them through everything but the
index: reading, hashing, duplicates, EXIF, the journal, the outputs. The locator waits S seconds a photo.
With --outputs the results are written straight into a journal, each with an area of 1,200 cells, and what is
measured are the outputs alone; photos and matches are then pictures of 640 x 480, 20 files under many names.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import torch

from geoflood.backbones.describe import DescribedImage
from geoflood.backbones.patches import Patches
from geoflood.core.datatypes import (
    AttentionMap,
    Bounds,
    Candidate,
    Cells,
    City,
    Estimate,
    Image,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    SearchOptions,
)
from geoflood.core.images import jpeg
from geoflood.triage.codec import located_to
from geoflood.triage.journal import Journal
from geoflood.triage.options import BatchOptions
from geoflood.triage.outputs import write_outputs
from geoflood.triage.pipeline import batch_locate
from geoflood.triage.results import read_results

SPOT = LatLon(29.76, -95.37)
CELLS = Cells(
    np.column_stack([29.76 + np.arange(1200) / 1e5, np.full(1200, -95.37)]), np.full(1200, 0.00075), 1.0
)
MATCHES = 2000
"""References that are the best match of some photo."""
FOUND = tuple(
    Candidate(Reference(n, f"folder:{n}.jpg", SPOT, f"{n}.jpg", credit="A. Mapper", licence="CC0-1.0"), 0.5)
    for n in range(10)
)


def no_patches() -> Patches:
    """A picture without any: nothing agrees with it."""
    return Patches(torch.empty(0, 128), np.empty((0, 2), np.float32), np.empty((0, 2), np.int64), (1, 1))


class Pretender:
    """Locates everything at one place."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def resolved(self, options: SearchOptions | None) -> SearchOptions:
        return replace(options or SearchOptions(), rerank=0)

    def describe(
        self,
        pixels: Sequence[Image],
        attention: Sequence[AttentionMap],
        options: SearchOptions | None = None,
    ) -> list[DescribedImage]:
        return [DescribedImage(one, np.zeros((1, 1), np.float32), no_patches) for one in pixels]

    def locate(
        self,
        query: Query,
        attention: AttentionMap | None = None,
        options: SearchOptions | None = None,
        *,
        within: Bounds | None = None,
        verify: object = None,
        pixels: Image | None = None,
        described: DescribedImage | None = None,
    ) -> Located:
        time.sleep(self.seconds)
        estimate = Estimate(SPOT, 0.7, 9.0, 30.0, CELLS, 0.1)
        return Located(query, Outcome.LOCATED, Reason.recorded("pretended"), FOUND, estimate, attention)


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


def journalled(root: Path, count: int) -> None:
    """A journal of `count` located photos, each with its post, at times in no order."""
    dice = np.random.default_rng(1)
    pictures = [root / f"{n}.jpg" for n in range(20)]
    for path in pictures:
        blocks = dice.integers(0, 255, (60, 80, 3), np.uint8)
        path.write_bytes(jpeg(np.kron(blocks, np.ones((8, 8, 1), np.uint8))))
    with Journal(root / "out") as journal:
        list(journal.replay())
        journal.append("run", settings={"options": {"city": "nowhere"}}, folder=str(root))
        for n in range(count):
            sha, name = hashlib.sha256(str(n).encode()).hexdigest(), f"{n}.jpg"
            at = datetime(2026, 1, 1) + timedelta(seconds=int(dice.integers(10_000_000)))
            post = {"layout": "table", "id": name, "text": f"water {n} " * 12, "posted_at": at.isoformat()}
            shown = [{"name": name, "file": name, "sha256": sha}]
            journal.append("file", file=name, stamp="1:1", sha256=sha)
            looks = "A" * 1824
            journal.append(
                "photo", sha256=sha, file=name, same_as=None, bits_apart=None, looks=looks, exif=None
            )
            journal.append("post", key=sha[:32], post=post, media=shown)
            first = replace(FOUND[0].reference, id=n % MATCHES, location=str(pictures[n % MATCHES % 20]))
            located = Pretender(0.0).locate(Query(pictures[n % 20]), AttentionMap.neutral())
            located = replace(located, candidates=(Candidate(first, 0.6), *located.candidates[1:]))
            journal.append("located", sha256=sha, located=located_to(located), narrowed="", again=False)


def peak_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--outputs", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        if given.outputs:
            journalled(root, given.count)
            print(f"journal: {(root / 'out' / 'journal.jsonl').stat().st_size / 1e6:.0f} MB", flush=True)
            outputs(root)
            return
        folder = made(root, given.count)
        (root / "manifest.json").write_text("{}", encoding="utf-8")
        start = peak_mb()
        for turn in ("first run", "nothing new"):
            begun = time.perf_counter()
            batch_locate(folder, root / "out", Pretender(given.seconds), root, BatchOptions("nowhere"))
            spent = time.perf_counter() - begun
            rate = given.count / spent
            print(f"{turn}: {spent:.1f} s, {rate:.0f}/s, {start:.0f} -> {peak_mb():.0f} MB", flush=True)
        outputs(root)


def outputs(root: Path) -> None:
    """Make the outputs, and tell what that took."""
    begun, used = time.perf_counter(), time.process_time()
    files = write_outputs(read_results(root / "out"), City("nowhere", 0, 0, "none", np.empty((0, 2))))
    spent, used = time.perf_counter() - begun, time.process_time() - used
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in files.values())
    print(f"outputs: {spent:.1f} s, {used:.1f} s of the processor, {peak_mb():.0f} MB; {sizes}")


if __name__ == "__main__":
    main()
