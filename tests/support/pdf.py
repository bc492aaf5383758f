"""Looks into a PDF, as far as tests need it."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from geoflood.core.errors import ExtraMissingError
from geoflood.outputs.pdf import check_pdf
from tests.support.browser import REQUIRED

__all__ = ["needs_pango", "streams"]


def _lacks_pango() -> bool:
    try:
        check_pdf()
    except ExtraMissingError:
        return True
    return False


needs_pango = pytest.mark.skipif(not REQUIRED and _lacks_pango(), reason="Pango is not installed")
"""Marks a test that writes a PDF; where a browser is required, so is Pango."""


def streams(pdf: Path) -> bytes:
    """All that is drawn in it."""
    parts = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf.read_bytes(), re.DOTALL)
    drawn = []
    for part in parts:
        try:
            drawn.append(zlib.decompress(part))
        except zlib.error:
            drawn.append(part)
    return b"\n".join(drawn)
