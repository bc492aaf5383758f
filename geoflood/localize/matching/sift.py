"""`--matcher sift`: SIFT keypoints and a homography (OpenCV), the way two photographs are usually compared.

Keypoints of Lowe 2004 with the square root of Arandjelovic & Zisserman 2012, mutual nearest neighbours that
pass the ratio test, and the homography that MAGSAC++ (Barath et al. 2020) finds among them. OpenCV is an
extra, and this its only door.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Image
from geoflood.core.errors import ExtraMissingError
from geoflood.core.images import fit

__all__ = ["Keypoints", "Sift", "agreeing", "installed", "matches"]

Floats: TypeAlias = NDArray[np.float32]

SIDE = 400
"""Pixels of the longer side at most."""
MOST = 1024
"""Keypoints an image."""
CONTRAST = 0.02
"""Half of OpenCV's default: facades in flat light have few keypoints above it."""
RATIO = 0.85
"""Of the distances to the nearest and the second nearest; Lowe's 0.75 leaves few of photos years apart."""
WITHIN_PX = 8.0
"""Of what the homography says: a street is no plane, so a looser bound than a plane would take."""
ROUNDS = 1000
VOTES = 0.25
"""Share of the most that a match counts, below which it does not vote: it is probably of water."""
LEAST = 4
"""Matches that fix a homography."""


def installed() -> bool:
    """Whether OpenCV is here; it is not loaded by asking."""
    return find_spec("cv2") is not None


@dataclass(frozen=True, eq=False)
class Keypoints:
    """What one image is compared by."""

    descriptors: Floats
    """[n, 128], unit rows."""
    places: Floats
    """[n, 2] (x, y) shares of the frame, y downwards."""
    shape: tuple[int, int]
    """(height, width) of the frame as it was looked at, pixels."""


class Sift:
    """A matcher, see `geoflood.localize.rerank.Matcher`. Threads may share it.

    Raises ExtraMissingError without OpenCV.
    """

    name = "sift"

    def __init__(self) -> None:
        if not installed():
            raise ExtraMissingError("--matcher sift needs OpenCV", "pip install 'geoflood[opencv]'")
        import cv2

        cv2.setNumThreads(1)  # several pairs are compared side by side already
        self._cv2: Any = cv2

    def look(self, image: Image) -> Keypoints:
        """The keypoints of an upright image [H, W, 3]; an image without texture has none."""
        seen = fit(image, SIDE)
        height, width = seen.shape[:2]
        grey = self._cv2.cvtColor(np.ascontiguousarray(seen), self._cv2.COLOR_RGB2GRAY)
        detector = self._cv2.SIFT_create(nfeatures=MOST, contrastThreshold=CONTRAST)
        points, found = detector.detectAndCompute(grey, None)
        if found is None:
            return Keypoints(np.empty((0, 128), np.float32), np.empty((0, 2), np.float32), (height, width))
        places = np.array([point.pt for point in points]) / [width, height]
        rows = np.asarray(found, np.float32)
        rows = np.sqrt(rows / np.maximum(rows.sum(axis=1, keepdims=True), np.float32(1e-9)))
        return Keypoints(rows, places.astype(np.float32), (height, width))

    def inliers(self, query: Keypoints, worth: Floats, reference: Keypoints, other: Floats) -> int:
        """Matches of two images that one homography explains; worth [n], other [m]: what keypoints count.

        A match counts the geometric mean of its ends; one that counts little does not vote.
        """
        pairs = matches(query.descriptors, reference.descriptors)
        counted = np.sqrt(worth[pairs[:, 0]] * other[pairs[:, 1]])
        voting = counted > VOTES * counted.max(initial=0.0)
        pairs, counted = pairs[voting], counted[voting]
        ours, theirs = _pixels(query)[pairs[:, 0]], _pixels(reference)[pairs[:, 1]]
        return round(float(counted[agreeing(self._cv2, ours, theirs)].sum()))


def matches(query: Floats, reference: Floats) -> NDArray[np.int64]:
    """[k, 2] numbers of unit rows [n, d], [m, d] that are each other's nearest, clearly so for the query.

    Fewer than two descriptors on a side have no second nearest: no matches.
    """
    if min(len(query), len(reference)) < 2:
        return np.empty((0, 2), np.int64)
    alike = query @ reference.T
    back = np.ascontiguousarray(alike.T).argmax(axis=1)
    ours, there = np.arange(len(query)), alike.argmax(axis=1)
    nearest = alike[ours, there]
    alike[ours, there] = -1
    clear = 1 - nearest < RATIO**2 * (1 - alike.max(axis=1))  # of unit rows: squared distances, halved
    return np.asarray(np.column_stack([ours, there])[clear & (back[there] == ours)], np.int64)


def agreeing(cv2: Any, query: Floats, reference: Floats) -> NDArray[np.bool_]:
    """Which of k matches [k, 2] (x, y), pixels, one homography explains, [k]. The same for the same input."""
    if len(query) < LEAST:
        return np.zeros(len(query), bool)
    _, mask = cv2.findHomography(
        query, reference, cv2.USAC_MAGSAC, WITHIN_PX, maxIters=ROUNDS, confidence=0.95
    )
    return np.zeros(len(query), bool) if mask is None else np.asarray(mask[:, 0] > 0)


def _pixels(of: Keypoints) -> Floats:
    """Places [n, 2] in pixels of the frame."""
    height, width = of.shape
    return np.asarray(of.places * np.array([width, height]), np.float32)
