"""GeoPackage (OGC 12-128): rows and shapes as layers of one file. The only home of pyogrio, an extra."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geoflood.core.errors import ExtraMissingError
from geoflood.core.files import replacing
from geoflood.outputs.fields import Row, Value
from geoflood.outputs.shapes import Shape

__all__ = ["GeoLayer", "write_geopackage"]

Column: TypeAlias = tuple[NDArray[Any], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class GeoLayer:
    """Rows of one kind of shape; a row without a shape is kept, and has none."""

    name: str
    kind: str
    """"Point" or "MultiPolygon"."""
    fields: Sequence[str]
    """The columns: each row has a value for every one."""
    rows: Sequence[Row]
    shapes: Sequence[Shape | shapely.Point | None]
    """One a row: (lon, lat), degrees of WGS 84."""

    @classmethod
    def of_points(cls, name: str, fields: Sequence[str], rows: Sequence[Row]) -> GeoLayer:
        """A layer of the places that rows have as `lat` and `lon`."""
        return cls(name, "Point", fields, rows, [_point(row["lat"], row["lon"]) for row in rows])


def write_geopackage(path: Path, layers: Sequence[GeoLayer]) -> None:
    """Write a file of these layers, whole or not at all. Raises ExtraMissingError without pyogrio."""
    if importlib.util.find_spec("pyogrio") is None:
        raise ExtraMissingError(
            "a GeoPackage needs pyogrio, which is not installed", "pip install 'geoflood[gpkg]'"
        )
    import pyogrio.raw  # takes as long to load as the rest of a command

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / "layers.gpkg"  # the writer minds the suffix
        for number, layer in enumerate(layers):
            columns = [_column([row[name] for row in layer.rows]) for name in layer.fields]
            pyogrio.raw.write(
                made,
                shapely.to_wkb(np.array(layer.shapes, object)),
                [values for values, _ in columns],
                list(layer.fields),
                field_mask=[absent for _, absent in columns],
                layer=layer.name,
                driver="GPKG",
                geometry_type=layer.kind,
                crs="EPSG:4326",
                append=number > 0,
            )
        made.replace(temporary)


def _point(lat: Value, lon: Value) -> shapely.Point | None:
    return shapely.Point(lon, lat) if isinstance(lat, float) and isinstance(lon, float) else None


def _column(values: Sequence[Value]) -> Column:
    """Values as one kind of numbers or as text, and which of them are absent."""
    absent = np.array([value is None for value in values], bool)
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return np.array([value or 0 for value in values], np.int64), absent
    if kinds and kinds <= {int, float}:
        return np.array([np.nan if value is None else value for value in values], np.float64), absent
    return np.array([None if value is None else str(value) for value in values], object), absent
