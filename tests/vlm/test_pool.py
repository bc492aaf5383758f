"""Several servers as one: all kept busy, failing ones left out, back-off bounded."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from geoflood.core.errors import ModelError
from geoflood.vlm.answer_formats import enum_schema, object_schema
from geoflood.vlm.client import AskOptions, Prompt, RefusalError
from geoflood.vlm.ollama_backend import OllamaBackend
from geoflood.vlm.parallel import parallel_map
from geoflood.vlm.pool import Pool
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.pools import pool

SCHEMA = object_schema({"a": enum_schema(range(10))})


def ask(one: Pool, text: str = "Rate.") -> str:
    return one.ask([], Prompt("t", 1, text), SCHEMA, AskOptions(60)).host


def test_a_batch_keeps_every_server_busy_and_none_more_than_busy() -> None:
    with FarOllama() as a, FarOllama() as b, pool(a, b) as both:
        a.delay_s = b.delay_s = 0.05
        assert both.capacity == 2
        hosts = [host for _, host in parallel_map(lambda n: ask(both, f"{n}"), range(12), 4)]
        assert (a.busy_most, b.busy_most) == (1, 1)
        assert min(hosts.count(a.host), hosts.count(b.host)) >= 4


def test_a_slow_server_does_not_hold_up_a_quick_one() -> None:
    with FarOllama() as slow, FarOllama() as quick, pool(slow, quick) as both:
        slow.delay_s, quick.delay_s = 1.0, 0.01
        list(parallel_map(lambda n: ask(both, f"{n}"), range(12), 2))
        assert quick.answered > slow.answered


def test_a_server_that_dies_is_left_out_and_its_question_is_asked_elsewhere() -> None:
    with FarOllama() as dying, FarOllama() as well, pool(dying, well) as both:
        _ = both.record
        dying.moods.extend(["drop"] * 9)
        hosts = [host for _, host in parallel_map(lambda n: ask(both, f"{n}"), range(8), 2)]
        assert hosts == [well.host] * 8
        assert len(dying.asked("/api/chat")) == 2, "a second chance, and then a rest"
        (line,) = both.lines  # type: ignore[attr-defined]
        assert f"{dying.host} dropped the connection" in line
        assert "tried again in 30 s" in line


def test_a_server_that_recovers_is_asked_again_after_a_look() -> None:
    with FarOllama() as far, FarOllama() as other, pool(far, other, rest_s=0.05) as both:
        _ = both.record
        far.moods.extend(["drop"] * 2)
        for n in range(4):
            ask(both, f"{n}")
        time.sleep(0.12)
        assert {ask(both, f"again {n}") for n in range(3)} == {far.host, other.host}
        assert len(far.asked("/api/version")) == 2, "at first, and after its rest"


def test_a_busy_server_is_asked_again_but_not_for_ever() -> None:
    with FarOllama() as far, pool(far) as one:
        far.moods.extend(["busy"] * 2)
        assert ask(one) == far.host
        far.moods.extend(["busy"] * 9)
        with pytest.raises(RefusalError, match="is busy"):
            ask(one)
        assert len(far.asked("/api/chat")) == 3 + 5


def test_a_server_that_cannot_run_the_model_leaves_it_to_another() -> None:
    with FarOllama() as unfit, FarOllama() as fit, pool(unfit, fit) as both:
        unfit.moods.append("old_model")
        assert {ask(both, f"{n}") for n in range(4)} == {fit.host}
        assert len(unfit.asked("/api/chat")) == 1


def test_what_repeating_cannot_help_is_not_repeated() -> None:
    with FarOllama() as far, pool(far) as one:
        far.moods.append("old_model")
        with pytest.raises(RefusalError, match="can no longer run"):
            ask(one)
        assert len(far.asked("/api/chat")) == 1


def test_no_server_at_all_is_the_first_one_s_error_at_once() -> None:
    with FarOllama() as far:
        pass
    with pool(far) as none, pytest.raises(ModelError, match="no server answers") as caught:
        ask(none)
    assert caught.value.hint == "start it: ollama serve"


def test_servers_with_another_build_of_the_model_stay_out() -> None:
    with FarOllama() as a, FarOllama(FarModel(digest="other")) as b, pool(a, b) as both:
        assert {ask(both, f"{n}") for n in range(4)} == {a.host}
        assert "different builds of tiny-vl" in both.lines[0]  # type: ignore[attr-defined]


def test_parallel_map_keeps_the_order_and_hands_on_errors() -> None:
    def work(n: int) -> int:
        time.sleep(0.002 * (5 - n % 5))
        if n == 7:
            raise ValueError("seven")
        return n * n

    done: list[tuple[int, int]] = []
    with pytest.raises(ValueError, match="seven"):
        done.extend(parallel_map(work, range(10), 3))
    assert done == [(n, n * n) for n in range(7)]
    assert list(parallel_map(work, [], 2)) == []


def test_parallel_map_reads_few_items_ahead_and_leaves_no_threads() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    before = set(threading.enumerate())
    results = parallel_map(lambda n: n, source(), 2)
    assert next(results) == (0, 0)
    assert len(taken) <= 5
    results.close()  # type: ignore[attr-defined]
    for thread in set(threading.enumerate()) - before:
        thread.join()


def test_an_interrupted_question_frees_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        far = stack.enter_context(FarOllama())
        one = stack.enter_context(pool(far))
        _ = one.record
        with monkeypatch.context() as patch:

            def interrupted(*_: object) -> None:
                raise KeyboardInterrupt

            patch.setattr(OllamaBackend, "ask", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ask(one)
        assert ask(one) == far.host


BATCH = """
import sys
import numpy as np
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.connect import connect

photos = ((n, np.full((40, 40, 3), n, np.uint8)) for n in range(9))
attention_asker = AttentionAsker(connect("tiny-vl", sys.argv[1:]), prior=False)
print("begun", flush=True)
try:
    list(attention_asker.read_each(photos))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_ends_a_batch_that_waits_for_slow_servers() -> None:
    with FarOllama() as a, FarOllama() as b:
        a.delay_s = b.delay_s = 300.0
        process = subprocess.Popen([sys.executable, "-c", BATCH, a.host, b.host], stdout=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == b"begun\n"
            while a.busy_now + b.busy_now < 2 and process.poll() is None:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            assert process.wait() == 130
        assert a.answered + b.answered == 0, "no answer was waited for"
        assert len(a.asked("/api/chat")) + len(b.asked("/api/chat")) == 2, "nothing more was sent"
