"""Which sources there are, how each is opened, and which are refused."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from geoflood.core.errors import UsageError
from geoflood.core.paths import config_folder
from geoflood.imagery.sources import amsterdam, kartaview, mapillary, panoramax
from geoflood.imagery.sources.source import Source, TokenError

__all__ = ["SOURCES", "SourceRow", "mapillary_token", "open_source"]

TOKEN_NAMES = ("MAPILLARY_TOKEN", "MAPILLARY_ACCESS_TOKEN")
"""Environment variables that other programs read, too."""

_REGISTER = "register an application at mapillary.com/dashboard/developers and take its client token"
_SCRAPED = ("bing", "streetside", "apple", "lookaround", "baidu", "naver", "yandex")
_GOOGLE = ("google", "streetview", "gsv", "googlestreetview")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it is named on the command line."""

    name: str
    summary: str
    """One line: whose, which licence, what it needs."""
    variable: str
    """The environment variable that holds its address."""
    url: str
    """Its public address."""


SOURCES = (
    SourceRow(
        "mapillary",
        "the whole world, by everybody; CC BY-SA 4.0; needs a free token",
        "GEOFLOOD_MAPILLARY_URL",
        mapillary.URL,
    ),
    SourceRow(
        "panoramax",
        "France and growing, or an instance of one's own; open licences; no key",
        "GEOFLOOD_PANORAMAX_URL",
        panoramax.URL,
    ),
    SourceRow(
        "amsterdam",
        "the city's own survey; CC BY 4.0; no key",
        "GEOFLOOD_AMSTERDAM_URL",
        amsterdam.URL,
    ),
    SourceRow(
        "kartaview",
        "by drivers, mostly in South-East Asia; CC BY-SA 4.0; no key, and slow",
        "GEOFLOOD_KARTAVIEW_URL",
        kartaview.URL,
    ),
)


def open_source(
    name: str,
    url: str | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Source:
    """The source of a name, at `url`, else where its environment variable says, else at its public address.

    At an address of one's own, GEOFLOOD_SOURCE_PACE may set how many requests a minute it gets. Raises
    UsageError for what is no source or no address, TokenError without a token that is needed.
    """
    row = _row(name)
    address = _address(url or os.environ.get(row.variable) or row.url, f"--source-url or {row.variable}")
    pace = _pace() if address != row.url else None
    match row.name:
        case "mapillary":
            return _open_mapillary(row, address, url, pace, clock, sleep)
        case "panoramax":
            return panoramax.Panoramax(address, a_minute=pace, clock=clock, sleep=sleep)
        case "amsterdam":
            return amsterdam.Amsterdam(address, a_minute=pace, clock=clock, sleep=sleep)
    storage = kartaview.STORAGE if address == row.url else f"{address}/{{store}}/{{path}}"
    return kartaview.KartaView(address, storage=storage, a_minute=pace, clock=clock, sleep=sleep)


def _open_mapillary(
    row: SourceRow,
    graph: str,
    given: str | None,
    pace: float | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> mapillary.Mapillary:
    """A mirror whose address is given serves tiles as well, unless they have an address of their own."""
    named = os.environ.get("GEOFLOOD_MAPILLARY_TILES_URL") or given or mapillary.TILES_URL
    tiles = _address(named, "GEOFLOOD_MAPILLARY_TILES_URL")
    token = mapillary_token()
    if graph == mapillary.URL or tiles == mapillary.TILES_URL:
        pace = None
    for address in (graph, tiles):
        if not (address.startswith("https://") or _is_loopback(address)):
            raise UsageError(f"{address} would see the token unencrypted", "give an https address")
    return mapillary.Mapillary(token, graph, tiles, a_minute=pace, clock=clock, sleep=sleep)


def _row(name: str) -> SourceRow:
    """The source of a name. Raises UsageError, with the reason for those that are refused."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    names = ", ".join(row.name for row in SOURCES)
    for row in SOURCES:
        if plain == row.name:
            return row
    if plain in _GOOGLE:
        raise UsageError(
            "Google Street View is no source: its terms forbid to download, store and index it",
            f"take one of {names}, or images of your own",
        )
    if plain in _SCRAPED:
        raise UsageError(
            f"{name} is no source: nobody but its owner may download its pictures", f"take one of {names}"
        )
    raise UsageError(f"{name!r:.60} is no source", f"take one of {names}")


def _address(text: str, where: str) -> str:
    """A server's address without a slash at its end. Raises UsageError for what is none."""
    address = text.strip().rstrip("/")
    try:
        split = urlsplit(address)
        good = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
        good = good and not (split.query or split.fragment or split.username)
    except ValueError:
        good = False
    if not good or not address.isprintable() or " " in address:
        raise UsageError(f"{where}: not the address of a server", "such as https://panoramax.example.org")
    return address


def _pace() -> float | None:
    """Requests a minute by GEOFLOOD_SOURCE_PACE. Raises UsageError for what is no such number."""
    said = os.environ.get("GEOFLOOD_SOURCE_PACE", "").strip()
    if not said:
        return None
    if not re.fullmatch(r"\d{1,6}", said, re.ASCII) or not int(said):
        raise UsageError(f"GEOFLOOD_SOURCE_PACE={said[:20]!r}", "give the requests a minute, such as 600")
    return float(said)


def _is_loopback(address: str) -> bool:
    return (urlsplit(address).hostname or "") in ("localhost", "127.0.0.1", "::1")


def mapillary_token() -> str:
    """The token from the environment, else from a file that nobody else may read.

    Raises TokenError without one, for one that is no token, and for a file that others may read. No message
    shows any of it.
    """
    path = config_folder() / "mapillary-token"
    for name in TOKEN_NAMES:
        if said := os.environ.get(name, "").strip():
            return _checked_token(said, name)
    try:
        status = path.stat()
        said = path.read_text("utf-8", "replace").strip()
    except FileNotFoundError:
        hint = f"{_REGISTER}; set MAPILLARY_TOKEN, or write it to {path} (chmod 600)"
        raise TokenError("mapillary needs a token, and none is set", hint) from None
    except OSError as error:
        raise TokenError(f"{path}: {error.strerror}", "check the file, or set MAPILLARY_TOKEN") from None
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise TokenError(f"{path} can be read by others", f"chmod 600 {path}")
    return _checked_token(said, str(path))


def _checked_token(said: str, where: str) -> str:
    if not re.fullmatch(r"[!-~]{8,500}", said):
        raise TokenError(f"{where} holds no token: one line without blanks is expected", _REGISTER)
    return said
