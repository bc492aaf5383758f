"""Which columns of a table tell a position, as a group: half of a group is half of a place.

exiftool writes absolute degrees, and the hemisphere in a column of its own. Whoever reads the first alone
finds Santiago de Chile in the Mediterranean.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from geoflood.core.coordinates import (
    BadPositionError,
    is_nothing,
    point,
    position,
    split_pair,
    tells_hemisphere,
)
from geoflood.core.datatypes import LatLon

__all__ = ["PositionColumns"]

LATITUDE = (
    *(
        "composite:gpslatitude",
        "xmp:gpslatitude",
        "lat",
        "latitude",
        "gpslatitude",
        "gps_latitude",
        "gps_lat",
    ),
    *("lat_dd", "latitude_dd", "decimallatitude", "decimal_latitude", "maplatitude"),
    *("exif:gpslatitude", "gps:gpslatitude"),
)
LONGITUDE = (
    *("composite:gpslongitude", "xmp:gpslongitude", "lon", "lng", "long", "longitude"),
    *("gpslongitude", "gps_longitude", "gps_lon", "gps_lng", "gps_long"),
    *("lon_dd", "longitude_dd", "decimallongitude", "decimal_longitude", "maplongitude"),
    *("exif:gpslongitude", "gps:gpslongitude"),
)
LATITUDE_LETTER = (
    *("gpslatituderef", "composite:gpslatituderef", "exif:gpslatituderef", "gps:gpslatituderef"),
    *("gps_latitude_ref", "gps_lat_ref", "latituderef", "latitude_ref", "latref", "lat_ref"),
    *("latitude_hemisphere", "lat_hemisphere", "lat_hemi", "latitude_direction", "lat_direction"),
    *("latitude_dir", "lat_dir", "ns", "n/s", "n_s", "north/south", "north_south"),
)
LONGITUDE_LETTER = (
    *("gpslongituderef", "composite:gpslongituderef", "exif:gpslongituderef", "gps:gpslongituderef"),
    *("gps_longitude_ref", "gps_lon_ref", "gps_lng_ref", "gps_long_ref"),
    *("longituderef", "longitude_ref", "lonref", "lon_ref", "lng_ref", "long_ref"),
    *("longitude_hemisphere", "lon_hemisphere", "lng_hemisphere", "lon_hemi", "longitude_direction"),
    *("lon_direction", "lng_direction", "longitude_dir", "lon_dir", "lng_dir"),
    *("ew", "e/w", "e_w", "east/west", "east_west"),
)
PAIR = (
    *("composite:gpsposition", "gpsposition", "gps_position", "gpscoordinates", "gps_coordinates"),
    *("latlon", "lat_lon", "latlng", "lat_lng", "lat,lon", "lat,_lon", "latitude,longitude"),
)
POINT = ("wkt", "wkt_geom", "geom", "the_geom", "geometry")
"""Folded names of columns, the likeliest first."""

UNSIGNED = frozenset(("exif:gpslatitude", "gps:gpslatitude", "exif:gpslongitude", "gps:gpslongitude"))
"""EXIF's own tags have no sign: without their letters they tell no place."""


@dataclass(frozen=True, slots=True)
class PositionColumns:
    """The columns that tell a position, by their folded names; empty for those that a table has not."""

    lat: str = ""
    lon: str = ""
    lat_letter: str = ""
    lon_letter: str = ""
    pair: str = ""
    """Latitude and longitude in one cell."""
    point: str = ""
    """Well-known text."""

    @classmethod
    def among(cls, columns: Collection[str]) -> PositionColumns:
        """The likeliest column of each kind."""
        kinds = (LATITUDE, LONGITUDE, LATITUDE_LETTER, LONGITUDE_LETTER, PAIR, POINT)
        return cls(*(next((name for name in names if name in columns), "") for names in kinds))

    @property
    def missing(self) -> list[str]:
        """What of a position no column tells."""
        if self.pair or self.point:
            return []
        halves = (("lat", self.lat, self.lat_letter), ("lon", self.lon, self.lon_letter))
        return [name for name, column, letter in halves if not column or (column in UNSIGNED and not letter)]

    def read(self, cells: Mapping[str, str]) -> LatLon | None:
        """The position in a row; None where it tells none. Raises BadPositionError."""
        lat, lon = cells.get(self.lat, ""), cells.get(self.lon, "")
        if not (is_nothing(lat) and is_nothing(lon)):
            lettered = bool(self.lat_letter or self.lon_letter)
            return position(
                *(lat, lon),
                _letter(self.lat_letter, lat, cells, lettered),
                _letter(self.lon_letter, lon, cells, lettered),
            )
        pair, text = cells.get(self.pair, ""), cells.get(self.point, "")
        if not is_nothing(pair):
            return position(*split_pair(pair))
        return None if is_nothing(text) else point(text)


def _letter(column: str, angle: str, cells: Mapping[str, str], lettered: bool) -> str:
    """What a column tells of the hemisphere; one axis' letter in a column asks for that of the other.

    Raises BadPositionError where it tells nothing and should.
    """
    letter = cells.get(column, "")
    if lettered and is_nothing(letter) and not is_nothing(angle) and not tells_hemisphere(angle):
        why = f"{column} is empty" if column else "no column tells it"
        raise BadPositionError(f"{angle.strip()[:30]!r} without its hemisphere: {why}")
    return letter
