"""Which photos are taken for one: python benchmarks/duplicates.py FOLDER [FOLDER ...] [--photos 120].

FOLDERs hold images.csv. Changes that keep a photo the same (recompressed, cropped, captioned) should be known
again; other photos, and the same view under another waterline, should not: the second is a report of its
own. For every limit of bits the shares, so that one can be chosen.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.core.images import fit, jpeg, read_image
from geoflood.synthetic.flood import flood
from geoflood.triage.near_duplicates import (
    SAME_BITS,
    Duplicates,
    PerceptualHashes,
    _apart,
    perceptual_hashes,
)

LIMITS = (8, 12, 16, 18, 20, 22)
LEVELS = (0.0, 0.15, 0.25, 0.3, 0.35, 0.45, 0.6)
CAPTION = 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--photos", type=int, default=120)
    parser.add_argument("--others", type=int, default=700)
    given = parser.parse_args()
    paths = [path for folder in given.folders for path in listed(folder)]
    dice = np.random.default_rng(1)
    chosen = [paths[i] for i in dice.choice(len(paths), given.photos, replace=False)]
    photos = [fit(read_image(path), 640) for path in chosen]
    print(f"{'':34}" + "".join(f"{limit:6}" for limit in LIMITS) + f"   bits apart at most; now {SAME_BITS}")
    for name, change in CHANGES.items():
        tell(name, [bits(photo, recompressed(change(photo, dice), dice)) for photo in photos])
    versions = [
        [flood(photo, level, n)[0] if level else photo for level in LEVELS] for n, photo in enumerate(photos)
    ]
    for one, other in combinations(range(len(LEVELS)), 2):
        found = [bits(version[one], recompressed(version[other], dice)) for version in versions]
        tell(f"water {LEVELS[one]:.0%} and {LEVELS[other]:.0%}", found)
    others = [paths[i] for i in dice.choice(len(paths), min(given.others, len(paths)), replace=False)]
    strangers(others)


def listed(folder: Path) -> list[Path]:
    with (folder / "images.csv").open(newline="") as file:
        return [folder / row["image"] for row in csv.DictReader(file)]


def recompressed(photo: Image, dice: np.random.Generator) -> Image:
    """As an app sends it on."""
    return read_image(jpeg(photo, quality=int(dice.integers(40, 85))))


def cropped(photo: Image, dice: np.random.Generator, most: float) -> Image:
    height, width = photo.shape[:2]
    top, bottom, left, right = dice.uniform(0, most, 4)
    return photo[int(top * height) : int((1 - bottom) * height), int(left * width) : int((1 - right) * width)]


def captioned(photo: Image, dice: np.random.Generator) -> Image:
    """White on a dark band over the lower 5 to 16 %."""
    changed = photo.copy()
    first = int((1 - dice.uniform(0.05, 0.16)) * len(photo))
    changed[first:] = 20
    middle = (first + len(photo)) // 2
    changed[middle - 4 : middle + 4, 30:-30:9] = CAPTION
    return changed


CHANGES: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "half the size": lambda photo, dice: fit(photo, max(photo.shape[:2]) // 2),
    "up to 5 % cut off each side": lambda photo, dice: cropped(photo, dice, 0.05),
    "up to 10 % cut off each side": lambda photo, dice: cropped(photo, dice, 0.10),
    "caption over the lower 5 to 16 %": captioned,
}


def bits(one: Image, other: Image) -> int:
    """Bits apart; 255 when water tells them apart."""
    known = Duplicates()
    known.add("it", _looks(one))
    found = known.find(_looks(other))
    return 255 if found is None else found[1]


def _looks(photo: Image) -> PerceptualHashes:
    found = perceptual_hashes(photo)
    assert found is not None
    return found


def _known(*seen: PerceptualHashes) -> np.ndarray:
    return np.stack([one.hashes for one in seen]).transpose(2, 1, 0)


def tell(name: str, apart: list[int]) -> None:
    found = np.array(apart)
    print(f"{name:34}" + "".join(f"{(found <= limit).mean():6.0%}" for limit in LIMITS), flush=True)


def strangers(paths: list[Path]) -> None:
    """Pairs of other photos of the same streets."""
    seen = [_looks(read_image(path, 640)) for path in paths]
    apart = [_apart(_known(*seen[: n + 1]), seen[n + 1].hashes) for n in range(len(seen) - 1)]
    found = np.concatenate(apart)
    counts = "".join(f"{(found <= limit).sum():6}" for limit in LIMITS)
    print(f"{f'other photos, of {len(found):,} pairs':34}{counts}")


if __name__ == "__main__":
    main()
