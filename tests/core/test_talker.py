"""The talker against a server on this machine that counts, blocks, lies and asks for patience."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from geoflood.core.download import Retry
from geoflood.core.errors import BlockedError, NetworkError, UsageError
from geoflood.core.talker import Manners, PassingError, Question, Redirects, Secret, Talker, WebAnswer
from geoflood.core.wire import redact, retry_after_s, user_agent
from tests.support.clock import SleptClock
from tests.support.far_side.source_server import FarSource, Params, SourceWire

HASTY = Retry(attempts=3, pause_s=0.001)
QUICK = Manners(a_minute=60_000)
TOKEN = "MLY|4242424242|0123456789abcdef0123456789abcdef"


class Echo(FarSource):
    """Says what it was asked; /to?url=URL redirects there, /round to itself."""

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        if path == "/to":
            wire.send("", 302, Location=params["url"])
        elif path == "/round":
            wire.send("", 302, Location="/round")
        elif path == "/large":
            wire.answer(b"x" * 100_000, "text/plain")
        else:
            wire.answer(
                {"method": method, "path": path, "params": params, "form": form} | {"told": self._told(wire)}
            )

    @staticmethod
    def _told(wire: SourceWire) -> dict[str, str | None]:
        return {name: wire.headers.get(name) for name in ("Authorization", "Accept", "Accept-Language")}


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GEOFLOOD_OFFLINE",
        "GEOFLOOD_CONTACT",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        yield server


def talker(manners: Manners = QUICK, **more: Any) -> Talker:
    return Talker("echo", manners, **{"retry": HASTY, **more})


def ask(server: Echo, path: str = "/", manners: Manners = QUICK, **more: Any) -> Any:
    return talker(manners).ask(Question(server.url + path, **more), WebAnswer.json)


def test_what_is_asked_arrives(echo: Echo) -> None:
    said = ask(echo, "/a?b=1", params={"c": "ö, 2"})
    assert said["path"] == "/a"
    assert said["params"] == {"b": "1", "c": "ö, 2"}
    assert (said["method"], said["told"]["Accept-Language"]) == ("GET", "en")
    said = ask(echo, "/a", form={"lat": "-1.5"})
    assert (said["method"], said["form"]) == ("POST", {"lat": "-1.5"})


@pytest.mark.parametrize("mood", ["chunked", "zipped"])
def test_bodies_come_in_many_ways(echo: Echo, mood: str) -> None:
    echo.moods.append(mood)
    assert ask(echo, "/a")["path"] == "/a"
    assert echo.paths == {"/a": 1}


@pytest.mark.parametrize(
    "mood", ["cut", "cut chunked", "lying", "drop", "status 503", "status 429 0", "status 500"]
)
def test_what_passes_is_asked_again(echo: Echo, mood: str) -> None:
    echo.moods.extend([mood, mood])
    assert ask(echo, "/a")["path"] == "/a"
    assert echo.paths == {"/a": 3}


def test_what_does_not_pass_is_one_line(echo: Echo) -> None:
    echo.moods.extend(["status 502"] * 3)
    with pytest.raises(NetworkError, match=r"^127\.0\.0\.1: answered 502, 3 times in a row$") as error:
        ask(echo)
    assert "HTTPS_PROXY" in error.value.hint
    assert error.value.exit_code == 7


@pytest.mark.parametrize("status", [400, 401, 404, 410, 451, 501])
def test_refusals_are_not_asked_again(echo: Echo, status: int) -> None:
    echo.moods.append(f"status {status}")
    with pytest.raises(NetworkError, match=rf"^127\.0\.0\.1 answered {status} for http://\S+/a$"):
        ask(echo, "/a")
    assert echo.paths == {"/a": 1}


def test_a_proxy_that_wants_a_login(echo: Echo) -> None:
    echo.moods.append("status 407")
    with pytest.raises(NetworkError, match=r"^the proxy wants a login$"):
        ask(echo)


def test_proxies_of_the_environment_are_used(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", echo.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    said = talker().ask(Question("http://far.example/b"), WebAnswer.json)
    assert said["path"].endswith("/b")


@pytest.mark.parametrize("mood", ["portal", "hidden portal", "login"])
def test_a_login_page_of_the_network(echo: Echo, mood: str) -> None:
    echo.moods.append(mood)
    with pytest.raises(NetworkError, match=r"sent a web page|redirects to login\.example") as error:
        ask(echo)
    assert not isinstance(error.value, BlockedError)
    assert "login page" in error.value.hint
    assert sum(echo.paths.values()) == 1


@pytest.mark.parametrize(
    "mood", ["portal", "login", "status 403", "status 429", "status 429 86400", "status 503 86400"]
)
def test_the_first_block_ends_all_talk_with_its_host(echo: Echo, mood: str) -> None:
    manners = Manners(60_000, Redirects.NOWHERE, pages_block=True, blocked_h=26)
    one = talker(manners)
    echo.moods.append(mood)
    before = datetime.now(UTC)
    with pytest.raises(BlockedError, match=r"^echo blocks this address for a while: 127") as error:
        one.ask(Question(f"{echo.url}/a"), WebAnswer.json)
    with pytest.raises(BlockedError) as again:
        one.ask(Question(f"{echo.url}/b"), WebAnswer.json)
    assert echo.paths == {"/a": 1}
    assert (str(again.value), again.value.hint) == (str(error.value), error.value.hint)
    assert error.value.exit_code == 7
    assert "what is done is kept" in error.value.hint
    until = before + timedelta(hours=24 if "86400" in mood else 26)
    assert any(f"{until + timedelta(minutes=late):%Y-%m-%d %H:%M} UTC" in error.value.hint for late in (0, 1))


@pytest.mark.parametrize("mood", ["login", "status 403", "status 503 86400"])
def test_a_block_is_known_to_the_next_run(echo: Echo, mood: str) -> None:
    manners = Manners(
        60_000, Redirects.NOWHERE, pages_block=True, login_pages=(".login.example",), blocked_h=26
    )
    echo.moods.append(mood)
    with pytest.raises(BlockedError) as first:
        ask(echo, "/a", manners)
    with pytest.raises(BlockedError, match="in an earlier run; it was not asked again") as second:
        ask(echo, "/b", manners)
    assert echo.paths == {"/a": 1}
    assert first.value.until
    assert f"{first.value.until:%Y-%m-%d %H:%M}"[:-1] in second.value.hint
    (kept,) = Path(os.environ["GEOFLOOD_CACHE_DIR"], "blocks").iterdir()
    assert f"from another network remove {kept} first" in second.value.hint
    kept.unlink()
    assert ask(echo, "/c", manners)["path"] == "/c"


@pytest.mark.parametrize(
    ("mood", "manners"),
    [
        ("status 403", Manners(60_000)),
        ("portal", Manners(60_000, pages_block=True, login_pages=(".login.example",), blocked_h=26)),
        ("login", Manners(60_000, pages_block=True, login_pages=(".maps.example",), blocked_h=26)),
    ],
)
def test_what_may_not_be_a_block_is_asked_again_by_the_next_run(
    echo: Echo, mood: str, manners: Manners
) -> None:
    """A status that nobody knows the end of, a hotel's page, a redirect to somebody else's."""
    echo.moods.append(mood)
    with pytest.raises(BlockedError):
        ask(echo, "/a", manners)
    assert ask(echo, "/b", manners)["path"] == "/b"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{[",
        b"[]",
        b"{}",
        b'{"host": 1, "until_s": "x", "reason": ""}',
        b'{"host": "HOST", "until_s": 1e400, "reason": "blocked"}',
        b'{"host": "HOST", "until_s": NaN, "reason": "blocked"}',
        b'{"host": "HOST", "until_s": 99999999999, "reason": "blocked"}',
        b'{"host": "HOST", "until_s": 1700000000, "reason": "over"}',
        b'{"host": "HOST", "until_s": SOON, "reason": "a\nb"}',
        b'{"host": "another", "until_s": SOON, "reason": "blocked"}',
        b"[" * 100_000,
    ],
)
def test_a_remembered_block_that_cannot_be_true_counts_for_nothing(echo: Echo, content: bytes) -> None:
    kept = Path(os.environ["GEOFLOOD_CACHE_DIR"], "blocks", f"{echo.host.replace(':', '_')}.json")
    kept.parent.mkdir(parents=True)
    soon = str(int(datetime.now(UTC).timestamp()) + 3600).encode()
    kept.write_bytes(content.replace(b"HOST", echo.host.encode()).replace(b"SOON", soon))
    assert ask(echo, "/a")["path"] == "/a"
    kept.write_bytes(b'{"host": "%s", "until_s": %s, "reason": "blocked"}' % (echo.host.encode(), soon))
    with pytest.raises(BlockedError):
        ask(echo, "/b")


def test_another_host_is_not_blocked(echo: Echo) -> None:
    with Echo() as other:
        one = talker()
        echo.moods.append("status 403")
        with pytest.raises(BlockedError):
            one.ask(Question(echo.url), WebAnswer.json)
        assert one.ask(Question(f"{other.url}/fine"), WebAnswer.json)["path"] == "/fine"


def test_a_server_that_asks_for_patience_gets_it(echo: Echo) -> None:
    clock = SleptClock()
    echo.moods.append("status 429 90")
    talker(clock=clock.now, sleep=clock.sleep).ask(Question(echo.url), WebAnswer.json)
    assert max(clock.slept) == 90


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("90", 90.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_how_long_a_server_asks_to_wait(header: str, seconds: float | None) -> None:
    assert retry_after_s(httpx.Response(429, headers={"Retry-After": header})) == seconds


def test_until_when_a_server_asks_to_wait() -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after_s(httpx.Response(429, headers={"Retry-After": header})) == pytest.approx(90, abs=10)


def test_the_pace_is_kept_whatever_the_threads() -> None:
    clock = SleptClock()
    with Echo(a_minute=60, clock=clock.now) as echo:
        one = talker(Manners(60), clock=clock.now, sleep=clock.sleep)
        threads = [
            threading.Thread(target=lambda: [one.ask(Question(echo.url), WebAnswer.json) for _ in range(40)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(echo.paths.values()) == 160
    assert clock.now() - 1000 > 159  # a second each


def test_the_far_side_notices_a_hasty_client() -> None:
    clock = SleptClock()
    echo = Echo(a_minute=60, clock=clock.now)
    one = talker(Manners(90), clock=clock.now, sleep=clock.sleep)

    def hurry() -> None:
        with echo:
            for _ in range(100):
                one.ask(Question(echo.url), WebAnswer.json)

    with pytest.raises(AssertionError, match="61 requests within a minute"):
        hurry()


def test_no_two_pauses_are_alike() -> None:
    clock = SleptClock()
    with Echo() as echo:
        one = talker(Manners(60), clock=clock.now, sleep=clock.sleep)
        for _ in range(10):
            one.ask(Question(echo.url), WebAnswer.json)
    assert len(set(clock.slept)) == 9
    assert all(1.0 <= pause <= 1.25 for pause in clock.slept)


@pytest.mark.parametrize(
    ("redirects", "same", "other"),
    [(Redirects.NOWHERE, False, False), (Redirects.SAME_HOST, True, False), (Redirects.ANYWHERE, True, True)],
)
def test_redirects_as_the_host_deserves(echo: Echo, redirects: Redirects, same: bool, other: bool) -> None:
    with Echo() as elsewhere:
        for target, allowed in ((echo.url, same), (elsewhere.url, other)):
            question = Question(f"{echo.url}/to", {"url": f"{target}/there"})
            one = talker(Manners(60_000, redirects))
            if allowed:
                assert one.ask(question, WebAnswer.json)["path"] == "/there"
            else:
                with pytest.raises(NetworkError, match="redirects to 127"):
                    one.ask(question, WebAnswer.json)
        assert sum(elsewhere.paths.values()) == other


def test_redirects_end(echo: Echo) -> None:
    with pytest.raises(NetworkError, match="redirects without end"):
        ask(echo, "/round")
    assert echo.paths == {"/round": 5}


def test_https_is_never_left() -> None:
    def far_side(request: httpx.Request) -> httpx.Response:
        there = "http" if request.url.path == "/down" else "https"
        if request.url.host == "a.example":
            return httpx.Response(302, headers={"Location": f"{there}://b.example/x"})
        return httpx.Response(200, json={"url": str(request.url)})

    one = talker(Manners(60_000, Redirects.ANYWHERE))
    one._client = httpx.Client(transport=httpx.MockTransport(far_side))
    assert one.ask(Question("https://a.example/up"), WebAnswer.json) == {"url": "https://b.example/x"}
    with pytest.raises(NetworkError, match=r"redirects to b\.example"):
        one.ask(Question("https://a.example/down"), WebAnswer.json)


def test_a_token_goes_to_its_host_alone(echo: Echo) -> None:
    header = Secret(echo.host, TOKEN, header="Authorization", prefix="OAuth ")
    assert ask(echo, "/a", secret=header)["told"]["Authorization"] == f"OAuth {TOKEN}"
    parameter = Secret(echo.host, TOKEN, parameter="access_token")
    assert ask(echo, "/a", secret=parameter, params={"b": "1"})["params"] == {"b": "1", "access_token": TOKEN}
    with Echo() as elsewhere:
        elsewhere.secret_forbidden = True
        one = talker(Manners(60_000, Redirects.ANYWHERE))
        for secret in (header, parameter):
            question = Question(f"{echo.url}/to", {"url": f"{elsewhere.url}/b"}, secret=secret)
            said = one.ask(question, WebAnswer.json)
            assert TOKEN not in json.dumps(said)
        with pytest.raises(ValueError, match="is not for 127"):
            one.ask(Question(elsewhere.url, secret=header), WebAnswer.json)


@pytest.mark.parametrize("mood", ["status 404", "status 403", "portal", "login", "drop", "cut"])
def test_a_token_is_in_no_message_and_no_log(echo: Echo, mood: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for secret in (
        Secret(echo.host, TOKEN, parameter="access_token"),
        Secret(echo.host, TOKEN, header="Authorization", prefix="OAuth "),
    ):
        echo.moods.extend([mood] * 3)
        with pytest.raises(NetworkError) as error:
            ask(echo, "/a", secret=secret)
        echo.moods.clear()
        told = f"{error.value!r} {error.value.hint} {error.value.__cause__!r} {secret!r}"
        assert "0123456789abcdef" not in told
    assert mood == "drop" or "/a" in caplog.text
    assert "0123456789abcdef" not in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        f"https://x.example/1?access_token={TOKEN}&b=1",
        f"https://x.example/1?access_token={TOKEN.replace('|', '%7C')}",
        f"{{'Authorization': 'OAuth {TOKEN}'}}",
        f"Illegal header value b'OAuth {TOKEN}\\n'",
        f"Authorization: Bearer {TOKEN}",
        TOKEN,
    ],
)
def test_what_looks_like_a_token_is_not_told(text: str) -> None:
    assert "0123456789abcdef" not in redact(text)


def test_what_else_is_not_told() -> None:
    assert redact("http://me:secret@proxy:3128 refused") == "http://…@proxy:3128 refused"
    assert redact("got 'a b/c' and a%20b%2Fc", "a b/c") == "got '…' and …"
    assert redact("nothing to hide: /2.0/photo?id=1") == "nothing to hide: /2.0/photo?id=1"


def test_bodies_are_bounded(echo: Echo) -> None:
    assert (
        len(talker().ask(Question(f"{echo.url}/large", most_bytes=100_000), lambda answer: answer.body))
        == 100_000
    )
    with pytest.raises(NetworkError, match=r"sends more than 0\.05 MB"):
        ask(echo, "/large", most_bytes=50_000)
    echo.moods.append("zipped")
    with pytest.raises(NetworkError, match=r"sends more than 0\.05 MB"):
        ask(echo, "/large", most_bytes=50_000)


def test_a_body_that_only_drips_is_given_up(echo: Echo) -> None:
    echo.moods.extend(["drip"] * 3)
    with pytest.raises(NetworkError, match=r"the answer did not end within 0\.1 s, 3 times"):
        talker(deadline_s=0.1).ask(Question(echo.url), WebAnswer.json)


def test_a_silent_server_is_given_up(echo: Echo) -> None:
    gate = threading.Event()

    def wait(*_: object) -> None:
        gate.wait(5)

    echo.respond = wait  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match="timed out, 2 times"):
        talker(timeout=httpx.Timeout(0.05), retry=Retry(2, 0.001)).ask(Question(echo.url), WebAnswer.json)
    gate.set()


def test_what_is_no_json_is_asked_again_and_then_told(echo: Echo) -> None:
    with pytest.raises(NetworkError, match="sent no whole JSON, 3 times"):
        ask(echo, "/large")
    assert echo.paths == {"/large": 3}


def test_reading_may_ask_again(echo: Echo) -> None:
    def read(answer: WebAnswer) -> str:
        if len(echo.requests) < 3:
            raise PassingError("not yet", 7)
        return answer.host

    clock = SleptClock()
    assert talker(clock=clock.now, sleep=clock.sleep).ask(Question(echo.url), read) == "127.0.0.1"
    assert [pause for pause in clock.slept if pause >= 7] == [7, 7]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://nobody.invalid/"])
def test_nobody_there(url: str) -> None:
    with pytest.raises(NetworkError, match="3 times in a row") as error:
        talker().ask(Question(url), WebAnswer.json)
    assert "HTTPS_PROXY" in error.value.hint


def test_a_certificate_that_cannot_be_trusted(tmp_path: Any) -> None:
    def far_side(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed")

    one = talker()
    one._client = httpx.Client(transport=httpx.MockTransport(far_side))
    with pytest.raises(NetworkError, match=r"^a\.example: its certificate cannot be trusted$") as error:
        one.ask(Question("https://a.example/"), WebAnswer.json)
    assert "SSL_CERT_FILE" in error.value.hint


def test_offline_asks_nobody(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")
    with pytest.raises(NetworkError, match=r"GEOFLOOD_OFFLINE is set, so 127\.0\.0\.1 is not asked"):
        ask(echo)
    assert not echo.paths


def test_who_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_agent().startswith("geoflood/")
    assert "contact: not given" in user_agent()
    monkeypatch.setenv("GEOFLOOD_CONTACT", "eoc@example.org")
    assert user_agent().endswith("contact: eoc@example.org)")
    for contact in ("a\nb", "eoc(at)example", "ö@example.org"):
        monkeypatch.setenv("GEOFLOOD_CONTACT", contact)
        with pytest.raises(UsageError, match="GEOFLOOD_CONTACT"):
            user_agent()
