"""Words in pictures, read on this computer: the only home of rapidocr, whose wheel carries its models.

*Strict*: nothing is ever fetched. The models are named by their paths in the wheel, for rapidocr would load
those that it misses from a server.
"""

from __future__ import annotations

import threading
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.core.datatypes import Image, PictureText
from geoflood.core.errors import ExtraMissingError
from geoflood.core.images import resize
from geoflood.core.plain_text import one_line

__all__ = ["SignReader", "check_reader"]

INSTALL = 'pip install "geoflood[text]"'
_DETECTOR, _RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
LEAST_SIDE, SIDE = 736, 960
"""px of the longer side in which text is looked for. Smaller pictures are enlarged: their signs are small.
Enlarging them further took twice the time and found no more (decision 092)."""
MOST_ENLARGED = 2.0
MOST_LINES, MOST_REGIONS = 64, 200
"""Lines of text that are kept of a picture, the largest, and regions that are read: a poster is no street."""
MOST_LETTERS = 100
"""Of a line that are kept."""
SURE = 0.8
"""Confidence below which letters are guessed: railings and leaves are read as words."""
LEAST_LETTERS = 2
"""And digits, of a line: a single one is read out of any window."""


def check_reader() -> None:
    """Raises ExtraMissingError where the extra is not installed; loads nothing."""
    if missing := next((name for name in ("rapidocr", "onnxruntime") if not util.find_spec(name)), None):
        raise ExtraMissingError(f"words in pictures are read with {missing}, which is not installed", INSTALL)


class SignReader:
    """Reads the lines of text in pictures. Threads may share it: each has its own networks, on one core.

    Raises ExtraMissingError where rapidocr, or a model in its wheel, is missing.
    """

    def __init__(self) -> None:
        self._here = threading.local()
        self._engine()

    def read(self, image: Image) -> tuple[PictureText, ...]:
        """The lines of text in a picture [H, W, 3], largest first, none of them sorted yet.

        Places are shares of the frame. A line is one line of at most MOST_LETTERS letters.
        """
        height, width = image.shape[:2]
        longest = max(height, width)
        scale = min(min(max(longest, LEAST_SIDE), SIDE) / longest, MOST_ENLARGED)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        if min(size) < 32:  # px: the network's step
            return ()
        looked_at = np.ascontiguousarray(resize(image, *size)[..., ::-1])  # it takes blue first
        found = self._engine()(looked_at)
        if not found.txts:
            return ()
        lines = [
            PictureText(cleaned, tuple(map(tuple, (quad / size).tolist())), float(sure))
            for text, quad, sure in zip(found.txts, found.boxes, found.scores, strict=True)
            if sure >= SURE
            and (cleaned := one_line(text, MOST_LETTERS))
            and sum(map(str.isalnum, cleaned)) >= LEAST_LETTERS
        ]
        return tuple(sorted(lines, key=lambda line: -line.area)[:MOST_LINES])

    def _engine(self) -> Any:
        engine = getattr(self._here, "engine", None)
        if engine is None:
            engine = self._here.engine = _engine()
        return engine


def _engine() -> Any:
    """Raises ExtraMissingError."""
    check_reader()
    rapidocr, opencv = import_module("rapidocr"), import_module("cv2")
    models = Path(str(rapidocr.__file__)).parent / "models"
    for name in (_DETECTOR, _RECOGNISER):
        if not (models / name).is_file():
            raise ExtraMissingError(f"rapidocr came without its model {name}", INSTALL)
    opencv.setNumThreads(1)
    runtime = "EngineConfig.onnxruntime"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,  # signs are not upside down
            "Global.max_side_len": SIDE,
            f"{runtime}.intra_op_num_threads": 1,
            f"{runtime}.inter_op_num_threads": 1,
            "Det.model_path": str(models / _DETECTOR),
            "Rec.model_path": str(models / _RECOGNISER),
            "Det.limit_type": "max",  # a short side that is enlarged makes a strip a wall
            "Det.limit_side_len": SIDE,
            "Det.max_candidates": MOST_REGIONS,
        }
    )
