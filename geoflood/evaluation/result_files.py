"""The files of an evaluation: checked before the work, for it takes long; written after it."""

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

__all__ = ["QUERIES", "check_writable", "report_files", "write_files"]

REPORT, RECORD, QUERIES = "report.html", "evaluation.json", "queries.csv"


def check_writable(report: Path | None, out: Path | None, inputs: Sequence[Path | None]) -> None:
    """Check, before the work, that the result can be written.

    Raises UsageError for a report or folder that cannot be one, or that would replace one of the `inputs`;
    InputError where nothing can be written.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file", "name a folder")
    sources = {path.resolve() for path in inputs if path is not None}
    tables = [out / RECORD, out / QUERIES] if out else []
    for file in (*report_files(report, out), *tables):
        if file.is_dir():
            raise UsageError(f"{file} is a folder", f"name a file, such as {file / REPORT}")
        if file.resolve() in sources:
            raise UsageError(f"{file} is what is evaluated, and would be replaced", "name another file")
        _try_writing(file)


def report_files(report: Path | None, out: Path | None) -> list[Path]:
    """The files that the report is written to."""
    return [path for path in (report, out / REPORT if out else None) if path is not None]


def write_files(
    evaluations: Sequence[Evaluation], misses: Sequence[Miss], report: Path | None, out: Path | None
) -> None:
    """Write the report; into the folder `out` also the record and a row a query. Raises InputError."""
    for page in report_files(report, out):
        with _naming(page):
            write_report(page, evaluations, misses)
    if out is None:
        return
    with _naming(out / RECORD):
        records = [evaluation_record(evaluation) for evaluation in evaluations]
        write_whole(out / RECORD, json.dumps(records, indent=1, allow_nan=False) + "\n")
    with _naming(out / QUERIES):
        write_queries(out / QUERIES, evaluations)


def _try_writing(file: Path) -> None:
    """Make a temporary file where `file` is to lie, in a folder that need not exist yet."""
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if not there.is_dir():
        raise UsageError(f"{file} cannot be written: {there} is a file", "name another place")
    with _naming(file), tempfile.TemporaryFile(dir=there):
        pass


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """An OSError becomes an InputError about `file`, not about the temporary file that stands in for it."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error.strerror or error}", "check the path and the disk"
        ) from error
