"""What the benchmarks share: a folder with images.csv (image, lat, lon, split), indexed once."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.learned import version_of
from geoflood.core.datatypes import Vectors
from geoflood.core.geo import distance_m
from geoflood.database.bands import BANDS
from geoflood.database.build import build
from geoflood.database.manifest import Settings
from geoflood.imagery.folder import images
from geoflood.imagery.panorama import FOV_DEG, HEADINGS
from geoflood.localize.calibration.calibrate import self_calibrate
from geoflood.localize.locator import Locator

__all__ = ["Queries", "arguments", "first_is_right", "indexed", "queries", "settings", "share"]

POSITIVE_M = 25.0


@dataclass(frozen=True, eq=False)
class Queries:
    """The query photos of a folder and where they were taken."""

    paths: Sequence[Path]
    positions: NDArray[np.float64]
    """[Q, 2] (lat, lon)."""

    def with_positive(self, references: NDArray[np.float64]) -> NDArray[np.bool_]:
        """[Q] whether a reference lies within 25 m; references [N, 2]."""
        near = [distance_m(references, position).min() <= POSITIVE_M for position in self.positions]
        return np.array(near, bool)


def queries(data: Path) -> Queries:
    """The rows with split=query."""
    with (data / "images.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "query"]
    return Queries(
        [data / row["image"] for row in rows], np.array([(row["lat"], row["lon"]) for row in rows], float)
    )


def settings(dimension: int = 512) -> Settings:
    """Those of `geoflood index` without options."""
    return Settings("rootsift", version_of("rootsift"), BANDS, dimension, HEADINGS, FOV_DEG)


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """What all of them take: DATA and --work; `doc` is the benchmark's own text."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, default=None, help="keeps the index for the next run")
    return parser


def indexed(data: Path, work: Path) -> Locator:
    """A Locator over the rows with split=database, built in `work` unless it is there."""
    folder = work / data.name
    found = images([data], data / "images.csv", select="split=database")
    build(folder, data.name, found, settings(), self_calibrate)
    return Locator(folder)


def share(hits: NDArray[np.bool_]) -> str:
    """A share in percent with its sampling error (one standard deviation)."""
    p = float(hits.mean())
    return f"{100 * p:5.1f} ± {100 * (p * (1 - p) / len(hits)) ** 0.5:.1f}"


def first_is_right(
    locator: Locator, vectors: Vectors, mix: NDArray[np.float32], truth: NDArray[np.float64]
) -> bool:
    """Whether the first candidate lies within 25 m of the truth [2] (lat, lon).

    vectors: the query's descriptors [1, bands, D]; mix: the belief in the bands [bands].
    """
    _, ids = locator.vectors.search(vectors, mix, 1)
    return bool(distance_m(locator.database.positions[ids[0, 0]], truth) <= POSITIVE_M)
