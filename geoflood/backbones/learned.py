"""What a backbone learns from a city: the vocabulary of `rootsift`, and any backbone's projection."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import Describer, Weigh
from geoflood.backbones.projection import Projection
from geoflood.backbones.rootsift import RootSift
from geoflood.backbones.vlad import Vocabulary
from geoflood.errors import IndexUnusableError, UsageError
from geoflood.files import replacing
from geoflood.terms import Image

__all__ = ["learn", "load_learned", "save_learned", "version_of"]

Arrays = Mapping[str, NDArray[Any]]

VIEWS = 1000
"""Views that are looked at, at most."""
