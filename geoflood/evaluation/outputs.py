"""The files of an evaluation: tried before the work, for it takes long; written after it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from geoflood.core.errors import InputError, UsageError
from geoflood.core.files import write_whole
from geoflood.evaluation.report.evaluation_record import evaluation_record, write_queries
from geoflood.evaluation.report.html_report import write_report
from geoflood.evaluation.results import Evaluation, Miss

__all__ = ["QUERIES", "pages", "tried", "write"]

PAGE, RECORD, QUERIES = "report.html", "evaluation.json", "queries.csv"


def tried(report: Path | None, out: Path | None, given: Sequence[Path | None]) -> None:
    """Raises UsageError for a report or a folder that cannot be one or would replace what was `given`, and
    InputError where nothing can be written.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file", "name a folder")
    sources = {path.resolve() for path in given if path is not None}
    records = [out / RECORD, out / QUERIES] if out else []
    for file in (*pages(report, out), *records):
        if file.is_dir():
            raise UsageError(f"{file} is a folder", f"name a file, such as {file / PAGE}")
        if file.resolve() in sources:
            raise UsageError(f"{file} is what is evaluated, and would be replaced", "name another file")
        _try(file)


def pages(report: Path | None, out: Path | None) -> list[Path]:
    """Where the report goes."""
    return [path for path in (report, out / PAGE if out else None) if path is not None]


def write(
    evaluations: Sequence[Evaluation], misses: Sequence[Miss], report: Path | None, out: Path | None
) -> None:
    """Write the report, and into the folder `out` also the record and a row a query. Raises InputError."""
    for page in pages(report, out):
        with _named(page):
            write_report(page, evaluations, misses)
    if out is None:
        return
    with _named(out / RECORD):
        records = [evaluation_record(one) for one in evaluations]
        write_whole(out / RECORD, json.dumps(records, indent=1, allow_nan=False) + "\n")
    with _named(out / QUERIES):
        write_queries(out / QUERIES, evaluations)


def _try(file: Path) -> None:
    """Whether a file can be made where this one is to lie, in a folder that need not be there yet."""
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if not there.is_dir():
        raise UsageError(f"{file} cannot be written: {there} is a file", "name another place")
    with _named(file), tempfile.TemporaryFile(dir=there):
        pass


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """What goes wrong is said of this file, not of one that stands in for it until it is whole."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error.strerror or error}", "check the path and the disk"
        ) from error
