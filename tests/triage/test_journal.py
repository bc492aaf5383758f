"""The journal: nothing that was written is lost, nothing is changed without being seen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from geoflood.core.errors import InputError, UsageError
from geoflood.triage.journal import NAME, Journal, line_at, read_journal


def write(folder: Path, *texts: str) -> None:
    with Journal(folder) as journal:
        list(journal.replay())
        for text in texts:
            journal.append("note", durable=True, text=text)


def texts(folder: Path) -> list[str]:
    return [line.content["text"] for line in list(read_journal(folder))]


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    write(tmp_path, "one", "zwei \ud800 \udce9 \u2028")
    write(tmp_path, "three")
    assert texts(tmp_path) == ["one", "zwei \ud800 \udce9 \u2028", "three"]
    assert [line.number for line in read_journal(tmp_path)] == [1, 2, 3]


def test_lines_are_found_again_by_their_place(tmp_path: Path) -> None:
    write(tmp_path, "one", "two", "three")
    places = [line.start for line in read_journal(tmp_path)]
    with (tmp_path / NAME).open("rb") as file:
        assert [line_at(file, start)["text"] for start in reversed(places)] == ["three", "two", "one"]


def test_every_torn_end_is_dropped_and_work_goes_on(tmp_path: Path) -> None:
    write(tmp_path, "one", "two")
    whole = (tmp_path / NAME).read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(len(whole) + 1):
        (tmp_path / NAME).write_bytes(whole[:cut])
        kept = ["one", "two"][: (cut >= first) + (cut == len(whole))]
        assert texts(tmp_path) == kept
        write(tmp_path, "after")
        assert texts(tmp_path) == [*kept, "after"]


def test_every_changed_byte_is_seen(tmp_path: Path) -> None:
    write(tmp_path, "one", "two", "three")
    whole = (tmp_path / NAME).read_bytes()
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for at in range(last):
        changed = bytearray(whole)
        changed[at] ^= 1
        (tmp_path / NAME).write_bytes(changed)
        with pytest.raises(InputError, match="not what was written"):
            texts(tmp_path)


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2), (1, 2), (0, 1, 1, 2)])
def test_lines_moved_removed_or_added_are_seen(tmp_path: Path, order: tuple[int, ...]) -> None:
    write(tmp_path, "one", "two", "three")
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    (tmp_path / NAME).write_bytes(b"".join(lines[index] for index in order))
    with pytest.raises(InputError, match="line"):
        texts(tmp_path)


@pytest.mark.parametrize("content", [b"\0\n", b"[]\n", b"{}\n", b"[" * 100_000 + b"\n", b"\xff\n", b"null\n"])
def test_what_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(InputError, match="line 1"):
        texts(tmp_path)
    with pytest.raises(InputError, match="line 1"):
        write(tmp_path, "x")
    assert (tmp_path / NAME).read_bytes() == content, "what is not understood is not touched"


def test_no_journal(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        texts(tmp_path)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(UsageError, match="another geoflood"), Journal(tmp_path):
        pass


WRITER = """
import sys, pathlib
from geoflood.triage.journal import Journal
with Journal(pathlib.Path(sys.argv[1])) as journal:
    count = sum(1 for _ in journal.replay())
    while True:
        count += 1
        journal.append("note", durable=True, text="x" * (count % 5000))
        print(count, flush=True)
"""


def test_killed_at_any_moment_it_keeps_all_it_said_was_done(tmp_path: Path) -> None:
    for turn in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.05 + 0.03 * turn)
            os.kill(process.pid, signal.SIGKILL)
            told = [int(number) for number in process.stdout.read().split()]
        kept = [line.number for line in read_journal(tmp_path)]
        assert kept == list(range(1, len(kept) + 1))
        assert len(kept) >= max(told, default=1)
    assert json.loads((tmp_path / NAME).read_bytes().splitlines()[0])["n"] == 1
