"""The same photo again: resized, recompressed, cropped, framed or with a caption. The only home of imagehash.

A photo is hashed whole and in crops; two photos are the same when one whole is close to a crop of the other,
or the same crop of both, unless water tells them apart: a plain perceptual hash loses a photo once 5 % are
cut off, and takes one view under two waterlines for one. Measured: benchmarks/duplicates.py.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TypeAlias

import imagehash
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from geoflood.core.datatypes import Image
from geoflood.triage import water_sketch
from geoflood.triage.water_sketch import Sketch, another_waterline, sketched

__all__ = [
    "SAME_BITS",
    "Duplicates",
    "Hashes",
    "PerceptualHashes",
    "from_text",
    "perceptual_hashes",
    "to_text",
]

Hashes: TypeAlias = NDArray[np.uint64]
"""Perceptual hashes of the whole photo and of its crops: [VIEWS, WORDS]."""


@dataclass(frozen=True, slots=True, eq=False)
class PerceptualHashes:
    """What a photo looks like."""

    hashes: Hashes
    sketch: Sketch


SIDE = 12
"""Of the block of lowest frequencies that is hashed: SIDE * SIDE bits."""
WORDS = 3
"""uint64 that hold them."""
SAME_BITS = 22
"""Up to this many bits apart it may be the same photo."""

CROPS = (
    (0.0, 0.0, 0.0, 0.0),
    (0.025, 0.025, 0.025, 0.025),
    (0.05, 0.05, 0.05, 0.05),
    (0.08, 0.08, 0.08, 0.08),
    (0.08, 0.03, 0.03, 0.08),
    (0.03, 0.08, 0.08, 0.03),
    (0.08, 0.08, 0.03, 0.03),
    (0.03, 0.03, 0.08, 0.08),
    (0.06, 0.03, 0.0, 0.03),
    (0.0, 0.03, 0.06, 0.03),
    (0.03, 0.06, 0.03, 0.0),
    (0.03, 0.0, 0.03, 0.06),
    (0.0, 0.0, 0.0, 0.1),
    (0.0, 0.0, 0.0, 0.17),
)
"""Shares cut off left, top, right and bottom; the first is the whole."""

_FLAT = 12
"""Grey levels that a line of a frame or a caption's ground may span, with JPEG's noise."""
_SEARCHED = 256
"""Longer side in which frames are looked for: so small that JPEG's noise is averaged out."""
_LOOKED_AT = 128
"""Pixels a side that crops are cut from."""
_VIEW = 2 * SIDE
"""Pixels a side of a view as it is hashed: as many as imagehash asks for, or it would resize each by LANCZOS,
which took half of all the time here and told photos apart no better."""
_WIDEST_FRAME = 0.35
"""Share of a side; more is a dark photo, not a frame."""
_KERNEL = PIL.Image.Resampling.BILINEAR


def perceptual_hashes(pixels: Image) -> PerceptualHashes | None:
    """The hashes of a photo [H, W, 3], frames and captions around it cut off; None when nothing is in it."""
    grey = _searched(PIL.Image.fromarray(pixels).convert("L"))
    levels = np.asarray(grey)
    if np.ptp(levels) <= _FLAT:
        return None
    square = grey.resize((_LOOKED_AT, _LOOKED_AT), _KERNEL, box=_within_frame(levels))
    views = [square.resize((_VIEW, _VIEW), _KERNEL, _corners(crop)) for crop in CROPS]
    bits = np.stack([imagehash.phash(view, SIDE, _VIEW // SIDE).hash.ravel() for view in views])
    padded = np.pad(np.packbits(bits, axis=1), ((0, 0), (0, WORDS * 8 - SIDE * SIDE // 8)))
    return PerceptualHashes(padded.view(np.uint64), sketched(square))


def _searched(grey: PIL.Image.Image) -> PIL.Image.Image:
    """The picture, shrunk until its longer side is at most _SEARCHED, by averaging whole blocks first."""
    scale = min(_SEARCHED / max(grey.size), 1.0)
    width, height = (max(round(side * scale), 1) for side in grey.size)
    return grey if scale == 1 else grey.resize((width, height), _KERNEL, reducing_gap=1.0)


def _corners(crop: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (share * _LOOKED_AT for share in crop)
    return left, top, _LOOKED_AT - right, _LOOKED_AT - bottom


def _within_frame(levels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) without flat lines on the edges, and the half flat line behind."""
    rows, columns = (np.ptp(levels, axis=axis) <= _FLAT for axis in (1, 0))
    top, bottom, left, right = (_flat_lines(line) for line in (rows, rows[::-1], columns, columns[::-1]))
    height, width = levels.shape
    return left, top, width - right, height - bottom


def _flat_lines(flat: NDArray[np.bool_]) -> int:
    """How many lines are cut off the edge; something always stays between two edges."""
    count = len(flat) if flat.all() else int(flat.argmin())
    cut = min(count, int(_WIDEST_FRAME * len(flat)))
    return min(cut + (cut > 0), (len(flat) - 1) // 2)


def to_text(seen: PerceptualHashes) -> str:
    """The hashes and the sketch as text."""
    return base64.b64encode(seen.hashes.tobytes() + seen.sketch.tobytes()).decode("ascii")


def from_text(text: str) -> PerceptualHashes:
    """What a photo looks like again. Raises ValueError when the text does not say."""
    data, size = base64.b64decode(text, validate=True), len(CROPS) * WORDS * 8
    hashes = np.frombuffer(data[:size], np.uint64).reshape(len(CROPS), WORDS)
    return PerceptualHashes(
        hashes, np.frombuffer(data[size:], np.uint8).reshape(water_sketch.SIDE, water_sketch.SIDE)
    )


class Duplicates:
    """The photos seen so far; 1.4 kB each."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._words = np.zeros((WORDS, len(CROPS), 256), np.uint64)
        self._sketches = np.zeros((256, water_sketch.SIDE, water_sketch.SIDE), np.uint8)

    def add(self, key: str, seen: PerceptualHashes) -> None:
        """Take in a photo that is like none before."""
        count = len(self._keys)
        if count == len(self._sketches):
            self._words = np.concatenate([self._words, np.zeros_like(self._words)], axis=2)
            self._sketches = np.concatenate([self._sketches, np.zeros_like(self._sketches)])
        self._words[:, :, count], self._sketches[count] = seen.hashes.T, seen.sketch
        self._keys.append(key)

    def find(self, seen: PerceptualHashes) -> tuple[str, int] | None:
        """The key of the photo that is the same, and how many bits apart the two are; None for a new one.

        Two words of three are looked at first: a pair within SAME_BITS has half of them at most in one of the
        two, and hardly any other pair has.
        """
        known = self._words[:, :, : len(self._keys)]
        first, second = (_apart(known[word : word + 1], seen.hashes[:, word:]) for word in (0, 1))
        near = np.flatnonzero(np.minimum(first, second) <= SAME_BITS // 2)
        if not len(near):
            return None
        views = np.stack([_bits(known[:, :, near], seen.hashes, pair) for pair in PAIRS])
        apart = views.min(axis=0)
        for place in np.argsort(apart, kind="stable"):
            if apart[place] > SAME_BITS:
                break
            theirs, mine = PAIRS[int(views[:, place].argmin())]
            sketch = self._sketches[near[place]]
            if not another_waterline(sketch, CROPS[theirs], seen.sketch, CROPS[mine]):
                return self._keys[near[place]], int(apart[place])
        return None


PAIRS = [(view, view) for view in range(len(CROPS))] + [
    pair for view in range(1, len(CROPS)) for pair in ((0, view), (view, 0))
]
"""(theirs, mine): the same crop of both, or a whole and a crop, which leaves out what covers one of them."""


def _apart(known: NDArray[np.uint64], seen: Hashes) -> NDArray[np.uint8]:
    """Bits between the closest views [N] of photos [words, VIEWS, N] and of one, in the words given."""
    least = np.full(known.shape[2], 255, np.uint8)
    for pair in PAIRS:
        np.minimum(least, _bits(known, seen, pair), out=least)
    return least


def _bits(known: NDArray[np.uint64], seen: Hashes, pair: tuple[int, int]) -> NDArray[np.uint8]:
    """Bits [N] between one view of theirs and one of ours."""
    theirs, mine = pair
    bits = np.zeros(known.shape[2], np.uint8)
    for word, there in enumerate(known):
        bits += np.bitwise_count(there[theirs] ^ seen[mine, word])
    return bits
