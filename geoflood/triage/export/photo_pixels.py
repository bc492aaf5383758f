"""The photo of a finding, to be handed on: only as it was located."""

from __future__ import annotations

import hashlib

from geoflood.core.datatypes import Image
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.triage.findings import Finding

__all__ = ["photo_pixels"]

MAX_PICTURE = 200_000_000
"""Bytes of a photo that is handed on."""


def photo_pixels(finding: Finding, longest: int) -> Image | None:
    """The photo, small; None when it cannot be read, or its file is not the one that was located."""
    path = finding.located.query.path
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PICTURE)
        same = hashlib.sha256(content).hexdigest() == finding.sha256
        return read_image(content, longest) if same else None
    except (OSError, UnreadableImageError):
        return None
