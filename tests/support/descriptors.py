"""A backbone whose descriptors are damaged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geoflood.backbones.describe import DescribedImage, Describer


def break_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every photo is described by numbers that are none, as with damaged weights."""
    describe = Describer.describe_keeping

    def broken(*arguments: object) -> list[DescribedImage]:
        images = describe(*arguments)  # type: ignore[arg-type]
        return [replace(image, descriptors=image.descriptors * np.float32("nan")) for image in images]

    monkeypatch.setattr(Describer, "describe_keeping", broken)
