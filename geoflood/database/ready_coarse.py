"""The coarse file of a large index: made when it is sealed, and when it is opened without one that fits."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Progress, no_progress
from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import fingerprint
from geoflood.database.bands import untold_belief
from geoflood.database.coarse import COARSE, LARGE, check_coarse, write_coarse
from geoflood.database.manifest import Settings, read_manifest, write_manifest
from geoflood.database.plan import locked_index
from geoflood.database.vector_file import VectorFile

__all__ = ["ready_coarse", "seal_coarse"]


def seal_coarse(folder: Path, settings: Settings | None, progress: Progress = no_progress) -> tuple[str, ...]:
    """Write the coarse file of an index that is being sealed, if it is large; returns its name, or nothing.

    Needs vectors.faiss. A small index loses what an earlier seal wrote.
    """
    vectors, path = VectorFile(folder / "vectors.faiss"), folder / COARSE
    path.unlink(missing_ok=True)
    if len(vectors) < LARGE or settings is None:
        return ()
    write_coarse(path, vectors, _untold(settings.bands), progress)
    return (COARSE,)


def ready_coarse(folder: Path, bands: tuple[int, ...], progress: Progress = no_progress) -> str:
    """Make the coarse file of a sealed index if it is large and has none that fits.

    Returns what to tell people, or "". Where the folder cannot be written, searches compare all references.
    """
    vectors, path = VectorFile(folder / "vectors.faiss"), folder / COARSE
    problem = _problem(path, vectors, bands) if len(vectors) >= LARGE else ""
    if not problem:
        return ""
    try:
        write_coarse(path, vectors, _untold(bands), progress)
    except OSError as error:
        return f"{problem}, and cannot be made ({error.strerror}): every search compares all references"
    _name_in_manifest(folder, path)
    return f"{problem}: it was made again"


def _untold(bands: tuple[int, ...]) -> NDArray[np.float32]:
    return untold_belief(bands).astype(np.float32)


def _problem(path: Path, vectors: VectorFile, bands: tuple[int, ...]) -> str:
    try:
        content = check_coarse(path, vectors)
    except IndexUnusableError as error:
        return str(error)
    same = np.array_equal(content.untold, _untold(bands))
    return "" if same else f"{path} is for another mixture of bands"


def _name_in_manifest(folder: Path, path: Path) -> None:
    """The manifest names the new file, unless another command holds the index."""
    with suppress(IndexUnusableError, OSError), locked_index(folder):
        manifest = read_manifest(folder)
        files = {**manifest.files, path.name: fingerprint(path)}
        write_manifest(folder, replace(manifest, files=files))
