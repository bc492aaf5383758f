"""A backbone whose descriptors are damaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geoflood.backbones.describe import Describer


def break_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every photo is described by numbers that are none, as with damaged weights."""
    project = Describer.projected

    def broken(describer: Describer, raw: Any) -> Any:
        return project(describer, raw) * np.float32("nan")

    monkeypatch.setattr(Describer, "projected", broken)
