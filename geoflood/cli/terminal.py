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
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from geoflood.cli.time_left import TimeLeft
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

LONG_S = 2.0
"""Work that takes no longer shows no bar."""
_WHOLE = ""
"""In place of a stage's name."""

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
def progress(whole: TimeLeft | None = None) -> Iterator[Callable[[str, int, int], None]]:
    """A bar a stage with rate and time left, on stderr, once the work takes over two seconds.

    Below them, with `whole`, the time left of all stages. Quiet when stderr is no terminal. Yields what
    geoflood.database.build.build calls (stage, done, total).
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[steps]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=_err, transient=True, disable=_quiet or not _err.is_terminal)
    with bars:
        yield _Bars(bars, whole).update


class _Bars:
    """What is told of stages, as bars."""

    def __init__(self, bars: Progress, whole: TimeLeft | None) -> None:
        self._bars, self._whole = bars, whole
        self._begun: float | None = None
        self._first: dict[str, tuple[float, int]] = {}
        self._tasks: dict[str, TaskID] = {}

    def update(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        self._begun = now if self._begun is None else self._begun
        if not done or stage not in self._first:
            self._first[stage] = (now, done)
        if now - self._begun > LONG_S:
            self._show(stage, done, total, now)
        if self._whole is not None:
            self._whole.update(stage, done, total, now - self._begun)
            self._show_whole(now - self._begun, self._whole.seconds())

    def _show(self, stage: str, done: int, total: int, now: float) -> None:
        began, before = self._first[stage]
        if stage not in self._tasks:
            if not done and total:  # only told how much is to come
                return
            self._tasks[stage] = self._bars.add_task(stage, total=total or None, rate="", steps="")
        rate = f"{(done - before) / (now - began):.1f}/s" if done > before else ""
        steps = f"{done}/{total or '?'}"
        self._bars.update(self._tasks[stage], completed=done, total=total or None, rate=rate, steps=steps)

    def _show_whole(self, spent_s: float, left_s: float | None) -> None:
        """In the last line; it is made again when another bar came below it."""
        from geoflood.outputs.wording import duration

        if left_s is None:
            return
        text = f"the whole: {duration(left_s)} left".replace("\N{NO-BREAK SPACE}", " ")
        last = self._tasks.get(_WHOLE)
        if last is None or last != self._bars.task_ids[-1]:
            if last is not None:
                self._bars.remove_task(last)
            self._tasks[_WHOLE] = self._bars.add_task(text, total=None, rate="", steps="")
        self._bars.update(self._tasks[_WHOLE], description=text, completed=spent_s, total=spent_s + left_s)


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
