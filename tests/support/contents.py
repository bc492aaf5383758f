"""What an index holds, whatever the order: for comparing one that grew with one that was built at one go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from geoflood.core.datatypes import Reference
from geoflood.database.database import Database
from geoflood.database.patch_store import PatchStore


@dataclass(frozen=True)
class HeldView:
    """A view in an index, less its number."""

    reference: Reference
    vectors: bytes
    patches: tuple[tuple[int, int], bytes] | None
    """(height, width) of the frame, and the rows; None where none were kept."""


def contents(folder: Path, locations: bool = True) -> dict[tuple[str, float | None], HeldView]:
    """By key and tile. Without the `locations`, indexes on two machines compare.

    Raises AssertionError when a view comes twice, or the manifest does not count right.
    """
    database, store = Database(folder), PatchStore(folder)
    references = database.references(range(len(database)))
    vectors = database.open_vectors().rows(np.arange(len(database)))
    held = {}
    for reference, rows in zip(references, vectors, strict=True):
        kept = store(reference.id)
        packed = None if kept is None else (kept.shape, kept.rows.tobytes())
        one = replace(reference, id=0, location=reference.location if locations else "")
        held[reference.image_key, reference.tile_deg] = HeldView(one, rows.tobytes(), packed)
    assert len(held) == len(references) == database.manifest.references
    assert len({key for key, _ in held}) == database.manifest.images
    return held
