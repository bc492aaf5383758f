"""A function that runs again and again in a process of its own, and is killed each time."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARENT = """
import importlib, os, sys
work = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
for _ in sys.stdin:
    child = os.fork()
    if not child:
        work(*sys.argv[3:])
        os._exit(0)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""
"""Imports once, then forks a child for every line it is sent."""

RunAndKill = Callable[[float], bool]


@contextmanager
def killable(work: Callable[..., object], *arguments: object) -> Iterator[RunAndKill]:
    """Yields a function that starts `work(*map(str, arguments))` and kills it so many seconds later.

    It returns whether there was still something to kill. Raises AssertionError where the work failed.
    """
    names = [work.__module__, work.__name__, *map(str, arguments)]
    command = [sys.executable, "-c", PARENT, *names]
    root, pipe = Path(__file__).parents[2], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1, cwd=root) as parent:
        assert parent.stdin
        assert parent.stdout
        to_parent, from_parent = parent.stdin, parent.stdout

        def run_and_kill(seconds: float) -> bool:
            to_parent.write("go\n")
            child = int(from_parent.readline())
            select.select([from_parent], [], [], seconds)  # until it has ended by itself
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            code = int(from_parent.readline())
            assert code in (0, -signal.SIGKILL)
            return code != 0

        yield run_and_kill
