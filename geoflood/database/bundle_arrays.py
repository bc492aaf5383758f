"""The arrays of a bundle, read without trust: as large, as shaped and as finite as an index has them."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from geoflood.core.files import BROKEN_ARRAYS
from geoflood.core.stored_zip import BrokenZipError, StoredZip
from geoflood.database.bundle_format import BadBundleError

__all__ = ["check_learned", "check_outsiders", "read_array", "unit_rows", "view_columns"]

Shape: TypeAlias = tuple[int | None, ...]
"""None: any length."""

LONGEST = 1.01
"""A unit row's length, rounded."""
MOST_VIEWS_AN_IMAGE = 360
MOST_LEARNED = 512 << 20
_LEARNED = {"words.npy": np.float32, "mean.npy": np.float32, "matrix.npy": np.float16}
_FEWEST_OUTSIDERS, _MOST_OUTSIDERS = 6, 10_000
_BLOCK = 4096


def read_array(path: Path, dtype: type[Any], shape: Shape) -> NDArray[Any]:
    """An array of this kind in a file, whose rows are read as they are used. Raises BadBundleError."""
    with path.open("rb") as file:
        held, offset = _header(file, path.stat().st_size, path.name, dtype, shape)
    if not math.prod(held):
        return np.empty(held, dtype)
    return np.memmap(path, np.dtype(dtype), "r", offset, held)


def _header(
    file: BinaryIO, size: int, name: str, dtype: type[Any], shape: Shape
) -> tuple[tuple[int, ...], int]:
    """The shape, and where the numbers begin: of this kind, and no byte more or less than it says."""
    try:
        version = npy.read_magic(file)
        if version != (1, 0):
            raise ValueError("another version")
        held, by_columns, kind = npy.read_array_header_1_0(file)
    except (*BROKEN_ARRAYS, SyntaxError) as error:
        raise BadBundleError(f"{name} is no array of numpy's form 1.0") from error
    wanted = np.dtype(dtype).newbyteorder("<")
    fits = len(held) == len(shape) and all(n in (None, of) for n, of in zip(shape, held, strict=True))
    if kind != wanted or not fits or by_columns:
        want = " x ".join("n" if n is None else str(n) for n in shape)
        raise BadBundleError(f"{name} is not {want} numbers of {wanted}")
    if file.tell() + math.prod(held) * wanted.itemsize != size:
        raise BadBundleError(f"{name} is longer or shorter than it says")
    return held, file.tell()


def unit_rows(rows: NDArray[Any], name: str) -> None:
    """Raises BadBundleError unless all [n, bands, D] are of length 1 or shorter; a NaN is not."""
    for start in range(0, len(rows), _BLOCK):
        lengths = np.linalg.norm(rows[start : start + _BLOCK].astype(np.float32), axis=2)
        if not (lengths <= LONGEST).all():
            raise BadBundleError(f"{name} has rows that are no descriptors")


def view_columns(folder: Path, images: int, views: int) -> dict[str, NDArray[Any]]:
    """image, heading, fov and tile of the views. Raises BadBundleError for what no view has."""
    image = np.array(read_array(folder / "image.npy", np.int64, (views,)))
    steps = np.diff(image, prepend=-1)
    if not ((steps == 0) | (steps == 1)).all() or image[-1] != images - 1:
        raise BadBundleError(f"image.npy does not count {images:,} images from 0")
    if np.bincount(image).max() > MOST_VIEWS_AN_IMAGE:
        raise BadBundleError(f"image.npy gives an image more than {MOST_VIEWS_AN_IMAGE} views")
    columns: dict[str, NDArray[Any]] = {"image": image}
    for name in ("heading", "fov", "tile"):
        column = np.array(read_array(folder / f"{name}.npy", np.float32, (views,)))
        if not (np.isnan(column) | ((column >= 0) & (column <= 360))).all():
            raise BadBundleError(f"{name}.npy holds what is no angle")
        columns[name] = column
    return columns


def check_outsiders(path: Path, bands: int, dimension: int) -> None:
    """Raises BadBundleError unless the file holds outsiders of this index."""
    rows = read_array(path, np.float16, (None, bands, dimension))
    if not _FEWEST_OUTSIDERS <= len(rows) <= _MOST_OUTSIDERS:
        raise BadBundleError(f"{path.name} holds {len(rows)} outsiders")
    unit_rows(rows, path.name)


def check_learned(path: Path, dimension: int) -> None:
    """Raises BadBundleError unless the file holds a vocabulary, a projection, or nothing, all finite."""
    held: dict[str, NDArray[Any]] = {}
    try:
        with StoredZip(path, len(_LEARNED)) as archive:
            for name in archive.sizes:
                if name not in _LEARNED:
                    raise BadBundleError(f"{path.name} holds {name[:40]!r}")
                held[name] = _array(archive.read(name, MOST_LEARNED), name, _LEARNED[name])
    except BrokenZipError as error:
        raise BadBundleError(f"{path.name}: {error}") from error
    if not all(np.isfinite(array).all() for array in held.values()):
        raise BadBundleError(f"{path.name} holds what is no number")
    matrix, mean = held.get("matrix.npy"), held.get("mean.npy")
    if (matrix is None) != (mean is None):
        raise BadBundleError(f"{path.name} holds half a projection")
    if matrix is not None and mean is not None and matrix.shape != (len(mean), dimension):
        raise BadBundleError(f"{path.name} projects to another dimension than the descriptors have")


def _array(data: bytes, name: str, dtype: type[Any]) -> NDArray[Any]:
    """A small array out of its file's bytes."""
    file = io.BytesIO(data)
    shape: Shape = (None,) if name == "mean.npy" else (None, None)
    held, offset = _header(file, len(data), name, dtype, shape)
    return np.frombuffer(data, np.dtype(dtype), offset=offset).reshape(held)
