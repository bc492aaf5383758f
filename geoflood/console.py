"""The terminal: results on stdout, news on stderr; the only file that knows rich."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from geoflood.errors import GeofloodError
from geoflood.geo import degrees_minutes, usng
from geoflood.terms import Candidate, Estimate, Located, Outcome

__all__ = ["emit", "error_line", "news", "progress", "report", "set_verbosity", "show_rows", "show_table"]

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)
_quiet = False

_STYLE = {
    Outcome.LOCATED: "bold green",
    Outcome.UNCERTAIN: "bold yellow",
    Outcome.NOT_FOUND: "bold magenta",
    Outcome.FAILED: "bold red",
}


def set_verbosity(level: int) -> None:
    """-q is -1, -v is 1, -vv is 2: how much news there is, and whether the log is shown."""
    global _quiet
    _quiet = level < 0
    wanted = {0: logging.WARNING, 1: logging.INFO}.get(max(level, 0), logging.DEBUG)
    logging.basicConfig(
        level=logging.ERROR if _quiet else wanted,
        force=True,
        format="%(message)s",
        handlers=[RichHandler(console=_err)],
    )


def emit(record: Mapping[str, Any]) -> None:
    """One JSON object, one line, on stdout."""
    sys.stdout.write(json.dumps(record, ensure_ascii=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def news(text: str) -> None:
    """A line for people, on stderr."""
    if not _quiet:
        _err.print(plain(text))


def plain(text: str) -> str:
    """Text from outside made harmless for a terminal: no control characters, no markup."""
    return escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text))


def error_line(error: GeofloodError) -> None:
    """What went wrong and what helps."""
    _err.print(f"[bold red]error:[/] {plain(str(error))}")
    if error.hint:
        _err.print(f"[dim]what helps:[/] {plain(error.hint)}")


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar a stage with rate and time left, on stderr, once a stage takes over two seconds.

    Quiet when stderr is no terminal. Yields what geoflood.build.build calls (stage, done, total).
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    bars = Progress(
        *columns, TimeRemainingColumn(), console=_err, transient=True, disable=_quiet or not _err.is_terminal
    )
    begun: dict[str, float] = {}
    tasks: dict[str, TaskID] = {}

    def update(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        spent = now - begun.setdefault(stage, now)
        if stage not in tasks and spent > 2:
            tasks[stage] = bars.add_task(stage, total=total or None, rate="")
        if stage in tasks:
            bars.update(
                tasks[stage], completed=done, total=total or None, rate=f"{done / max(spent, 1e-9):.1f}/s"
            )

    with bars:
        yield update


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout; cells are text from anywhere."""
    table = Table(title=plain(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(plain(column), overflow="fold")
    for row in rows:
        table.add_row(*map(plain, row))
    _out.print(table)


def show_rows(rows: Mapping[str, str]) -> None:
    """Names and values, one a line, on stdout."""
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(f"[dim]{plain(name)}[/]", plain(value))
    _out.print(table)


def report(located: Located) -> None:
    """What a responder reads first: outcome, position, area, candidates."""
    _out.print(
        f"[{_STYLE[located.outcome]}]{located.outcome.value.upper()}[/]  {plain(str(located.query.path))}"
    )
    _out.print(f"  {plain(located.reason)}")
    if located.estimate is None:
        return
    if located.outcome is not Outcome.NOT_FOUND:
        show_rows({f"  {name}": value for name, value in _place(located.estimate).items()})
    columns = ("", "similarity", "position", "looks", "reference")
    show_table(
        "  candidates", columns, [_candidate(rank, one) for rank, one in enumerate(located.candidates, 1)]
    )


def _place(estimate: Estimate) -> dict[str, str]:
    where, known = estimate.position, min(estimate.radius_90_m, estimate.tolerance_m)
    return {
        "position": f"{where.lat:.5f}, {where.lon:.5f}   {degrees_minutes(where, known)}   {usng(where, known)}",
        "search": f"{estimate.area_km2 * 100:.2g} ha hold 90 % if it is in this index; "
        f"within {estimate.radius_50_m:.0f} m 50 %, within {estimate.radius_90_m:.0f} m 90 %",
        "not here": f"{estimate.not_in_index:.0%} that the place is not in this index",
    }


def _candidate(rank: int, found: Candidate) -> list[str]:
    ref = found.reference
    heading = "" if ref.heading_deg is None else f"{ref.heading_deg:.0f}°"
    position = f"{ref.position.lat:.5f}, {ref.position.lon:.5f}"
    return [f"  {rank}", f"{found.similarity:.3f}", position, heading, ref.image_key]
