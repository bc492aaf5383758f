"""What a responder reads of many located photos: a row each in 80 columns, and how many came out how."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from geoflood.cli import terminal
from geoflood.core.datatypes import Estimate, Located, Outcome

__all__ = ["show_many"]

PHOTO_COLUMNS = 20
STREET_COLUMNS = 12
"""What the names of photos leave of a line to streets, at the least."""
CITY_COLUMNS = 16
GAP = 2
"""Between two columns of a table."""


def show_many(located: Sequence[Located]) -> None:
    """On stdout: a table in the order given, the photos that failed with their reasons, the tally."""
    from geoflood.outputs.wording import reason_line

    terminal.show_table("", *_fitted(located))
    for answer in located:
        if answer.outcome is Outcome.FAILED:
            terminal.show_line(f"  {answer.query.path}: {reason_line(answer)}", "FAILED", "bold red")
    terminal.show_line("")
    terminal.show_line(_tally(located))


def _tally(located: Sequence[Located]) -> str:
    """ "39 photos: 12 located, 5 likely, 8 uncertain, 14 not-found"; every photo is in it once."""
    counts = Counter(answer.outcome for answer in located)
    told = (f"{counts[outcome]:,} {outcome.value}" for outcome in Outcome if counts[outcome])
    return f"{len(located):,} photos: {', '.join(told)} · -v says more of each"


def _fitted(located: Sequence[Located]) -> tuple[list[str], list[list[str]]]:
    """Header and rows. Names of photos keep their ends and streets their beginnings."""
    header = ["photo", "outcome", "in 25 m", "90 % in", "position"]
    names = _names([answer.query.path for answer in located])
    rows = [[answer.outcome.value, *_place_cells(answer.place)] for answer in located]
    if any(answer.city for answer in located):
        header.insert(2, "city")
        rows = [
            [outcome, _city(answer), *cells] for answer, (outcome, *cells) in zip(located, rows, strict=True)
        ]
    streets = [_street(answer) for answer in located]
    taken = sum(max(map(len, column)) + GAP for column in zip(header[1:], *rows, strict=True))
    left = terminal.table_width() - taken
    if any(streets):
        header.append("street")
        wanted = max(map(terminal.columns_of, names))
        for_names = min(wanted, max(PHOTO_COLUMNS, left - GAP - max(map(terminal.columns_of, streets))))
        for_names = max(min(for_names, left - GAP - STREET_COLUMNS), 2)
        rows = [
            [*row, terminal.shortened(street, left - GAP - for_names)]
            for row, street in zip(rows, streets, strict=True)
        ]
        left = for_names
    names = [terminal.shortened(name, left, keep_end=True) for name in names]
    return header, [[name, *row] for name, row in zip(names, rows, strict=True)]


def _names(paths: Sequence[Path]) -> list[str]:
    """The paths below the folder that they share, in one line each."""
    folders = [path.absolute().parent for path in paths]
    alone = len({folder.anchor for folder in folders}) > 1
    shared = Path() if alone else Path(os.path.commonpath(folders))
    names = [path if alone else path.absolute().relative_to(shared) for path in paths]
    return [" ".join(str(name).split("\n")) for name in names]


def _place_cells(place: Estimate | None) -> list[str]:
    """How sure, how far and where, no finer than it is known; nothing for a photo without a place."""
    from geoflood.outputs.search_places import radius_m
    from geoflood.outputs.wording import decimal_degrees, length, percent

    if place is None:
        return ["", "", ""]
    far_m = radius_m(place, 0.9)
    share = percent(place.probability).replace("over ", ">").replace("under ", "<")
    return [share, length(far_m), ", ".join(decimal_degrees(place.position, far_m))]


def _city(answer: Located) -> str:
    """ "hamburg"; "hamburg/bremen" where both may be it; nothing without a place."""
    if answer.place is None:
        return ""
    names = [answer.city, *([answer.other.city] if answer.other else [])]
    return terminal.shortened("/".join(names), CITY_COLUMNS)


def _street(answer: Located) -> str:
    return answer.streets.place if answer.streets and answer.place else ""
