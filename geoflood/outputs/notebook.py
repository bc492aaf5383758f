"""A located photo in a notebook: verdict, photo and best match, coordinates; small, and safe to show.

Everything foreign is escaped; a picture is re-encoded and part of the text, so nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from geoflood.core.datatypes import Image, Located, Outcome
from geoflood.core.images import UnreadableImageError, jpeg, read_image
from geoflood.imagery.views import pixels_of
from geoflood.outputs.page import data_uri
from geoflood.outputs.panel import Json, describe, street_credit
from geoflood.outputs.wording import plain

__all__ = ["PICTURE_PX", "notebook_html"]

PICTURE_PX = 320
"""Longer side of a picture."""
_QUALITY = 70
_CELL = 'style="text-align:left;vertical-align:top;padding:0 1em .3em 0"'
_COORDINATES = _CELL[:-1] + ';white-space:nowrap"'


def notebook_html(located: Located) -> str:
    """The photo as an HTML fragment without script, style sheet or link; says which pictures are gone."""
    shown = describe(located)
    parts = [
        f"<b>{escape(shown['headline'])}</b>",
        *(f"<div>{escape(words)}</div>" for words in _streets(located, shown)),
        f"<div>{escape(shown['reason'])}</div>",
        f"<div>{_photo(located)} {_best_match(located, shown)}</div>",
        _places(shown),
        f"<div>{escape(shown['rest'])}</div>",
        f"<div>{escape(shown['status'])}</div>",
    ]
    return f"<div>{''.join(parts)}</div>"


def _streets(located: Located, shown: Json) -> list[str]:
    """Where it is in street names, what streets beside it have no image, and whose the names are."""
    return list(filter(None, (shown["street"], shown["gap"], street_credit([located]).strip())))


def _photo(located: Located) -> str:
    path = located.query.path
    return _figure(lambda: read_image(path, PICTURE_PX), f"Photo {path.name}")


def _best_match(located: Located, shown: Json) -> str:
    if not located.candidates:
        return ""
    best = shown["candidates"][0]
    reference = located.candidates[0].reference
    captions = [best["credit"], *(link for _, link in best["links"])]
    name = "Look-alike, not a match" if located.outcome is Outcome.NOT_FOUND else "Best match"
    return _figure(lambda: pixels_of(reference), f"{name} · {best['facts']}", " · ".join(captions))


def _figure(read: Callable[[], Image], *captions: str) -> str:
    """A picture with its captions, or the words that it is gone."""
    try:
        source = data_uri("image/jpeg", jpeg(read(), PICTURE_PX, _QUALITY))
        picture = f'<img alt="" src="{source}">'
    except UnreadableImageError as error:
        picture = f"<i>picture not at hand: {escape(error.reason)}</i>"
    lines = "".join(f"<br><small>{escape(plain(caption))}</small>" for caption in captions)
    style = f"display:inline-block;vertical-align:top;max-width:{PICTURE_PX}px"
    return f'<div style="{style}">{picture}{lines}</div>'


def _places(shown: Json) -> str:
    """Each place with its coordinates, one a row."""
    rows = [
        f"<tr><th {_CELL}>{escape(place['title'])}</th>"
        + "".join(f"<td {_COORDINATES}>{escape(text)}</td>" for _, text in place["coordinates"])
        + "</tr>"
        for place in shown["places"]
    ]
    return f"<table>{''.join(rows)}</table>" if rows else ""
