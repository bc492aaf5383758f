"""What a page tells of many photos, laid out so that it can be used before all of it has been read.

A browser reads a page from its beginning. What the list, the pins and the filters need of every photo comes
first, with all that is told of the first photos in the queue. Then come the scripts, then the other parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from geoflood.outputs.page import Json

__all__ = ["PART", "PageParts", "queued", "split"]

PART = 32
"""Photos of a part: more than a screen shows, and a few milliseconds of parsing."""
_LISTED = (
    "n",
    "sha256",
    "outcome",
    "at",
    "pinned",
    "probability",
    "urgency",
    "time",
    "local",
    "count",
    "decision",
)
"""Fields that are needed of every photo at once."""
_TURN = 0.1
"""As NOTHING in triage.js: a post that calls for nothing, and a photo without a place, have their turn."""


class PageParts(NamedTuple):
    """Blocks of a page by their id."""

    listed: list[Json]
    """What is needed of every photo at once."""
    first: dict[str, Json]
    """Blocks that the page needs before it can be used."""
    later: dict[str, Json]
    """Blocks that may be read after that."""


def queued(items: Sequence[Json]) -> list[Json]:
    """As the page opens: undecided first, most urgent and likeliest first; decision 098."""

    def score(item: Json) -> float:
        if item["decision"] is not None and item["decision"]["status"] != "candidate":
            return -1.0
        return float((_TURN + item["urgency"]) * (_TURN + (item["probability"] if item["at"] else 0.0)))

    return sorted(items, key=lambda item: (-score(item), item["n"]))


def split(items: Sequence[Json], pictures: Mapping[str, str]) -> PageParts:
    """The blocks of items in their order; `pictures` are those in the page, by the names that items have.

    A picture lies in the first part that shows it, and items then name it as PART:NAME.
    """
    blocks: dict[str, Json] = {}
    placed: dict[str, int] = {}
    for number, begin in enumerate(range(0, len(items), PART)):
        part = items[begin : begin + PART]
        shown = dict.fromkeys(name for item in part for name in _pictured(item) if name in pictures)
        new = [name for name in shown if placed.setdefault(name, number) == number]
        details = [_details(item, placed) for item in part]
        blocks[f"pictures-{number}"] = {name: pictures[name] for name in new}
        blocks[f"part-{number}"] = {"items": details}
    named = list(blocks)
    return PageParts(
        [{key: item[key] for key in _LISTED} for item in items],
        {key: blocks[key] for key in named[:2]},
        {key: blocks[key] for key in named[2:]},
    )


def _pictured(item: Json) -> list[str]:
    wanted = (item["photo"], *(match["picture"] for match in item["matches"]))
    return [name for name in wanted if name]


def _details(item: Json, placed: Mapping[str, int]) -> Json:
    """All but what is listed."""

    def where(name: str | None) -> str | None:
        return f"{placed[name]}:{name}" if name and name in placed else name

    told = {key: value for key, value in item.items() if key not in _LISTED}
    matches = [{**match, "picture": where(match["picture"])} for match in item["matches"]]
    return {**told, "photo": where(item["photo"]), "matches": matches}
