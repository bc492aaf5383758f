"""A large index beside exact search: what it finds, what it costs, and how large it is in memory.

    python benchmarks/scale.py DATA [--rows 1000000] [--shortlist N] [--threads 2] [--half west] [--json]
        [--donors FOLDER ...] [--work DIR]

DATA is a folder with images.csv (image, lat, lon, split). Its references are indexed once, and references of
a larger city are modelled on them (see `modelled_rows`) until there are ROWS. Queries of one half of the
city are asked, dry and under 30, 45 and 55 % of drawn water, told and untold. Donors of modelled rows are the
references more than 200 m from those queries, the mirror images of all, and the images of FOLDERs and their
mirror images. Truth is exact search in single precision. Without --shortlist the search is as users have it.
Processor time is of all threads; WORK keeps all for the next run: 5 GB a million.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from modelled_rows import RowModel, described, strangers
from numpy.typing import NDArray
from streets import POSITIVE_M, arguments, queries, settings

from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import load_learned
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.database.bands import BANDS, band_weights
from geoflood.database.build import build
from geoflood.database.coarse import COARSE
from geoflood.database.database import Database
from geoflood.database.vector_file import VectorFile, write_vectors
from geoflood.imagery.folder import images
from geoflood.imagery.views import LONGEST
from geoflood.localize.waterline import belief
from geoflood.synthetic.flood import flood

LEVELS = (0.0, 0.3, 0.45, 0.55)
FAR_M = 200.0
TOP = 20
EXACT = 4096
"""Rows that are compared at once for the truth."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Asked:
    """The searches of a run."""

    names: Sequence[str]
    """[S] the class of each, such as "45 % told"."""
    descriptors: Floats
    """[S, bands, D]."""
    beliefs: Floats
    """[S, bands]."""
    positions: NDArray[np.float64]
    """[S, 2] (lat, lon)."""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--shortlist", type=int, default=None)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--half", choices=("west", "east"), default="west")
    parser.add_argument("--donors", type=Path, nargs="*", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    work = options.work or Path(mkdtemp())
    index = work / options.data.name
    found = images([options.data], options.data / "images.csv", select="split=database")
    build(index, options.data.name, found, settings(), lambda *_: {})
    describer = load_learned(index / "learned.npz", "rootsift")
    positions = Database(index).positions
    asked = searches(options.data, describer, options.half, work)
    folder = work / f"{options.data.name}-{options.half}-{options.rows}"
    if not (folder / "vectors.faiss").exists():
        model = RowModel(list(donors(options, describer, index, positions, asked, work)))
        show_model(model, asked, positions, index)
        write_rows(folder, model, index, options.rows)
    bands = belief(None, BANDS)
    np.savez(folder / "asked.npz", queries=asked.descriptors, beliefs=asked.beliefs, untold=bands)
    report(options, folder, asked, positions)


def searches(data: Path, describer: Describer, half: str, work: Path) -> Asked:
    """The queries of one half, dry and flooded, told and untold."""
    every = queries(data)
    west = every.positions[:, 1] < np.median(every.positions[:, 1])
    there = np.flatnonzero(west if half == "west" else ~west)
    names, rows, beliefs = list[str](), [], []
    for level in LEVELS:
        kept = work / f"{data.name}-queries-{100 * level:.0f}.npy"
        if not kept.exists():
            np.save(kept, [_query(describer, path, level, n) for n, path in enumerate(every.paths)])
        found = np.load(kept)[there].astype(np.float32)
        water = f"{100 * level:.0f} %" if level else "dry"
        for told in (False, True) if level else (False,):
            names += [f"{water} {'told' if told else 'untold'}" if level else water] * len(there)
            rows.append(found)
            beliefs += [belief(level if told else None, BANDS)] * len(there)
    times = len(rows)
    return Asked(names, np.concatenate(rows), np.array(beliefs), np.tile(every.positions[there], (times, 1)))


def _query(describer: Describer, path: Path, level: float, seed: int) -> Floats:
    pixels = read_image(path, LONGEST)
    if level:
        pixels, _ = flood(pixels, level, seed=seed)
    return np.asarray(describer.describe([pixels], lambda places: band_weights(places, BANDS))[0], np.float32)


def donors(
    options: argparse.Namespace,
    describer: Describer,
    index: Path,
    positions: NDArray[np.float64],
    asked: Asked,
    work: Path,
) -> Iterator[NDArray[np.float16]]:
    """What modelled rows are mixed of: this city's, then what other folders lend."""
    places = np.unique(asked.positions, axis=0)
    far = np.array([distance_m(places, position).min() > FAR_M for position in positions])
    vectors = VectorFile(index / "vectors.faiss")
    own = vectors.read(np.flatnonzero(far)).reshape(int(far.sum()), len(BANDS), -1)
    paths = [Path(one.location) for one in Database(index).references(range(len(positions)))]
    yield np.concatenate([own, kept_donors(work / f"{index.name}-mirrored.npy", describer, paths, True)])
    for folder in options.donors:
        with (folder / "images.csv").open(newline="") as file:
            paths = [folder / row["image"] for row in csv.DictReader(file)]
        name = work / f"{index.name}-{folder.name}"
        yield np.concatenate(
            [
                kept_donors(name.with_suffix(".npy"), describer, paths, False),
                kept_donors(name.with_suffix(".mirrored.npy"), describer, paths, True),
            ]
        )


def kept_donors(
    path: Path, describer: Describer, paths: Sequence[Path], mirrored: bool
) -> NDArray[np.float16]:
    if not path.exists():
        np.save(path, described(describer, paths, BANDS, mirrored=mirrored))
    return np.asarray(np.load(path), np.float16)


def show_model(model: RowModel, asked: Asked, positions: NDArray[np.float64], index: Path) -> None:
    """Whether modelled rows are as alike to dry queries as real references of elsewhere are."""
    dry = np.array([name == "dry" for name in asked.names])
    real = VectorFile(index / "vectors.faiss").read(np.arange(len(positions)))
    elsewhere = np.array([distance_m(positions, at) > FAR_M for at in asked.positions[dry]])
    untold, some = belief(None, BANDS), asked.descriptors[dry]
    print("strangers, real    ", strangers(some, untold, real.reshape(len(real), len(BANDS), -1), elsewhere))
    print("strangers, modelled", strangers(some, untold, next(model.rows(4096))), flush=True)


def write_rows(folder: Path, model: RowModel, index: Path, count: int) -> None:
    """The real references, and modelled ones after them."""
    real = VectorFile(index / "vectors.faiss")

    def blocks() -> Iterator[NDArray[np.float16]]:
        yield from (rows for _, rows in real.blocks())
        yield from (rows.reshape(len(rows), -1) for rows in model.rows(count - len(real)))

    folder.mkdir(parents=True, exist_ok=True)
    write_vectors(folder / "vectors.faiss", blocks())


def truth(folder: Path, asked: Asked) -> NDArray[np.int64]:
    """[S, TOP] ids of the most similar, in single precision."""
    kept = folder / "truth.npy"
    if kept.exists():
        return np.asarray(np.load(kept), np.int64)
    file = VectorFile(folder / "vectors.faiss")
    mixed = (asked.descriptors * asked.beliefs[:, :, None]).reshape(len(asked.names), -1)
    alike, ids = np.zeros((len(mixed), 0), np.float32), np.zeros((len(mixed), 0), np.int64)
    for start in range(0, len(file), EXACT):
        some = np.arange(start, min(start + EXACT, len(file)))
        scores = mixed @ file.read(some).astype(np.float32).T
        best = np.argpartition(-scores, TOP - 1, axis=1)[:, :TOP] if len(some) > TOP else None
        best = np.tile(np.arange(len(some)), (len(mixed), 1)) if best is None else best
        alike = np.hstack([alike, np.take_along_axis(scores, best, 1)])
        ids = np.hstack([ids, some[best]])
        first = np.argsort(-alike, axis=1)[:, :TOP]
        alike, ids = np.take_along_axis(alike, first, 1), np.take_along_axis(ids, first, 1)
    np.save(kept, ids)
    return ids


def step(name: str, options: argparse.Namespace, folder: Path, *more: str) -> dict[str, Any]:
    """What a step gives that runs in a process of its own; the coarse file is made once."""
    out = folder / f"{name}.npz"
    if name == "build" and out.exists() and (folder / COARSE).exists():
        return dict(np.load(out))
    script = Path(__file__).with_name("scale_store.py")
    threads = ["--threads", str(options.threads)] if options.threads else []
    subprocess.run([sys.executable, script, name, folder, out, *threads, *more], check=True)
    return dict(np.load(out))


def report(options: argparse.Namespace, folder: Path, asked: Asked, positions: NDArray[np.float64]) -> None:
    """Print all figures; the last line is JSON if asked for."""
    built = step("build", options, folder)
    exact = truth(folder, asked)
    some = ["--shortlist", str(options.shortlist)] if options.shortlist else []
    found, cold = step("search", options, folder, *some), step("cold", options, folder, *some)
    hits = np.array([np.isin(a, b).mean() for a, b in zip(exact, found["ids"], strict=True)])
    names = np.array(asked.names)
    classes = {name: round(float(hits[names == name].mean()), 4) for name in dict.fromkeys(asked.names)}
    clock, processor = np.median(found["spent"], axis=0) * 1000
    print("R@1, exact", right(asked, exact, positions))
    print("R@1, found", right(asked, found["ids"], positions))
    figures = {
        "rows": options.rows,
        "half": options.half,
        "shortlist": options.shortlist,
        "searches": len(names),
        "recall_at_20": round(float(hits.mean()), 4),
        "recall_by_class": classes,
        "same_first": round(float((exact[:, 0] == found["ids"][:, 0]).mean()), 4),
        "processor_ms": round(float(processor), 2),
        "clock_ms": round(float(clock), 2),
        "peak_mb": round(float(found["peak_mb"])),
        "build_s": round(float(built["processor_s"]), 1),
        "build_peak_mb": round(float(built["peak_mb"])),
        "cold_ms": round(float(np.median(cold["spent"])) * 1000, 1),
        "coarse_mb": round((folder / COARSE).stat().st_size / 1e6, 1),
        "load": round(os.getloadavg()[0], 1),
    }
    for name, value in figures.items():
        print(f"  {name:18} {value}")
    if options.json:
        print(json.dumps(figures))


def right(asked: Asked, ids: NDArray[np.int64], positions: NDArray[np.float64]) -> dict[str, float]:
    """R@1 of each class in percent: the first is a real reference within 25 m."""
    hits: dict[str, list[bool]] = {name: [] for name in asked.names}
    for name, first, truth in zip(asked.names, ids[:, 0], asked.positions, strict=True):
        near = first < len(positions) and distance_m(positions[first], truth) <= POSITIVE_M
        hits[name].append(bool(near))
    return {name: round(100 * sum(some) / len(some), 1) for name, some in hits.items()}


if __name__ == "__main__":
    main()
