"""What is wanted of a source for an index: said now, or in an earlier run, which the census remembers."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from geoflood.core.area import Area
from geoflood.core.errors import InputError, UsageError
from geoflood.imagery.census import NAME, Census
from geoflood.imagery.kept_pictures import KeepImages
from geoflood.imagery.sources.catalog import SOURCES, open_source
from geoflood.imagery.sources.source import Source
from geoflood.places.geocode import find_area

__all__ = ["OrderWishes", "SourceOrder", "make_order", "remember_order"]

_FACT = "order"


@dataclass(frozen=True)
class SourceOrder:
    """What is wanted of a source."""

    source: Source
    area: Area
    server: str = ""
    """The source's address, where it is not the public one."""
    most: int | None = None
    """Images that are fetched at the most; None: all that say something new."""
    since: datetime | None = None
    """UTC; older images, and those of unknown age, are left out."""
    keep: KeepImages = KeepImages.ALL


@dataclass(frozen=True)
class OrderWishes:
    """The same as it is said; what is not said is as in the last run, or as usual."""

    source: str | Source
    server: str | None = None
    area: Area | None = None
    geocoder: str | None = None
    most: int | None = None
    since: datetime | None = None
    keep: KeepImages | None = None


def make_order(folder: Path, city: str, wishes: OrderWishes) -> SourceOrder:
    """The order for the index `folder`; without an area it is the last run's, else that of the city's name.

    Raises UsageError, TokenError and what `find_area` raises.
    """
    if wishes.most is not None and wishes.most < 1:
        raise UsageError(f"at most {wishes.most} images is none", "such as --max-images 2000")
    source = open_source(wishes.source, wishes.server) if isinstance(wishes.source, str) else wishes.source
    server = wishes.server or _server_of_environment(source.name)
    before = _remembered(folder, source.name, server)
    return SourceOrder(
        source,
        wishes.area or (before and before.area) or find_area(city, wishes.geocoder),
        server,
        wishes.most or (before and before.most) or None,
        wishes.since or (before and before.since) or None,
        wishes.keep or (before and before.keep) or KeepImages.ALL,
    )


def _server_of_environment(source: str) -> str:
    """Where the environment says that a source is, if that is not its public address."""
    said = (os.environ.get(row.variable, "").strip().rstrip("/") for row in SOURCES if row.name == source)
    public = {row.url for row in SOURCES}
    return next((address for address in said if address not in public), "")


def remember_order(census: Census, order: SourceOrder) -> None:
    """Note an order for the runs that follow."""
    content = {
        "area": order.area.geojson,
        "most": order.most,
        "since": order.since.isoformat() if order.since else None,
        "keep": order.keep.value,
    }
    census.keep_fact(_FACT, json.dumps(content))


def _remembered(folder: Path, source: str, server: str) -> OrderWishes | None:
    """The last run's order; None where there was none."""
    if not (folder / NAME).is_file():
        return None
    with closing(Census(folder, source, server)) as census:
        text = census.fact(_FACT)
    try:
        content = json.loads(text or "")
        told = content["area"]["properties"]
        area = Area.of_geojson(content["area"], told["name"], told["credit"])
        since = datetime.fromisoformat(content["since"]) if content["since"] else None
        return OrderWishes(source, server, area, None, content["most"], since, KeepImages(content["keep"]))
    except (ValueError, KeyError, TypeError, InputError):
        return None
