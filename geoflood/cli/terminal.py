"""The terminal: results on stdout, news on stderr; the only file that knows rich."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from geoflood.core.errors import GeofloodError, UsageError

__all__ = [
    "agrees",
    "columns_of",
    "emit",
    "error_line",
    "news",
    "progress",
    "set_verbosity",
    "shortened",
    "show_line",
    "show_rows",
    "show_table",
    "table_width",
    "warning",
]

COLUMNS = 80
"""Of a terminal that is narrow, and of what is no terminal."""

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)
_quiet = False


def set_verbosity(level: int) -> None:
    """-q is -1: no news, and errors alone are logged; -v is 1, -vv is 2: libraries log what they do."""
    global _quiet
    _quiet = level < 0
    levels = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
    logging.basicConfig(
        level=levels.get(level, logging.DEBUG),
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


def warning(text: str) -> None:
    """What was asked for and is not done, on stderr."""
    if not _quiet:
        _err.print(f"[bold yellow]warning:[/] {plain(text)}")


def agrees(question: str) -> bool:
    """Whether the person at the terminal says yes. Raises UsageError where there is nobody to be asked."""
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody is here to be asked", "say --yes")
    _err.print(plain(f"{question} [y/N] "), end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def plain(text: str) -> str:
    """Text from outside made harmless for a terminal: no control characters, no markup.

    Spaces that do not break are common ones: old terminals have no other.
    """
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    return escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text))


def error_line(error: GeofloodError) -> None:
    """What went wrong and what helps."""
    _err.print(f"[bold red]error:[/] {plain(str(error))}")
    if error.hint:
        _err.print(f"[dim]what helps:[/] {plain(error.hint)}")


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar a stage with rate and time left, on stderr, once a stage takes over two seconds.

    Quiet when stderr is no terminal. Yields what geoflood.database.build.build calls (stage, done, total).
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
    started: dict[str, float] = {}
    tasks: dict[str, TaskID] = {}

    def update(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        spent = now - started.setdefault(stage, now)
        if stage not in tasks and spent > 2:
            tasks[stage] = bars.add_task(stage, total=total or None, rate="")
        if stage in tasks:
            bars.update(
                tasks[stage], completed=done, total=total or None, rate=f"{done / max(spent, 1e-9):.1f}/s"
            )

    with bars:
        yield update


def show_line(text: str, title: str = "", style: str = "") -> None:
    """A line on stdout, in a style of rich; with a title only that has the style."""
    if title:
        _out.print(f"[{style}]{plain(title)}[/]{plain(text)}")
    else:
        _out.print(plain(text), style=style or None)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout, a row a line whatever its length, so that it can be searched and cut."""
    if title:
        _out.print(f"[bold]{plain(title)}[/]")
    header, *lines = _aligned([columns, *rows])
    _out.print(f"[dim]{header}[/]")
    for line in lines:
        _out.print(line)


def table_width() -> int:
    """Columns that a table may take: those of the terminal, never fewer than 80."""
    return max(COLUMNS, _out.width) if _out.is_terminal else COLUMNS


def columns_of(text: str) -> int:
    """Columns of a terminal that a line takes; a letter of some scripts takes two."""
    return cell_len(text)


def shortened(text: str, width: int, *, keep_end: bool = False) -> str:
    """Text in at most `width` columns of a terminal, with … for what is left out; `width` is 2 or more."""
    if cell_len(text) <= width:
        return text
    if keep_end:
        return "…" + chop_cells(text[::-1], width - 1)[0][::-1]
    return chop_cells(text, width - 1)[0] + "…"


def show_rows(rows: Mapping[str, str]) -> None:
    """Names and values, one a line, on stdout."""
    for line in _aligned(list(rows.items())):
        _out.print(line)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line a row, columns under each other whatever the script; the cells are text from anywhere."""
    cells = [[" ".join(cell.split("\n")) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            plain(cell) + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]
