"""Downloads from a real server on this machine that breaks off, moves, stalls and lies."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from geoflood.core import download as module
from geoflood.core.download import Retry, download
from geoflood.core.errors import NetworkError

BODY = bytes(range(256)) * 4000
"""A megabyte."""
HURRIED = Retry(attempts=3, pause_s=0.01)


class Server(ThreadingHTTPServer):
    """Answers with `plan`, one step a request, the last for ever; remembers what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan: list[Callable[[Handler], None]] = [whole]
        self.asked: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/weights.pth"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append({"path": self.path, **dict(self.headers.items())})
        step = self.server.plan[0] if len(self.server.plan) == 1 else self.server.plan.pop(0)
        step(self)

    def answer(self, status: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Silence."""


def whole(request: Handler, etag: str = '"one"', body: bytes = BODY) -> None:
    """The file, or the rest of it where the condition of the range holds."""
    start = request.headers.get("Range", "")
    if not start or request.headers.get("If-Range") != etag:
        return request.answer(200, body, ETag=etag)
    begin = int(start.removeprefix("bytes=").rstrip("-"))
    if begin >= len(body):
        return request.answer(416, Content_Range=f"bytes */{len(body)}")
    rest = body[begin:]
    return request.answer(206, rest, ETag=etag, Content_Range=f"bytes {begin}-{len(body) - 1}/{len(body)}")


def broken_off(request: Handler, etag: str = '"one"') -> None:
    """A third of the file, then silence."""
    request.answer(200, BODY[: len(BODY) // 3], length=len(BODY), ETag=etag)


def status(code: int, **headers: str) -> Callable[[Handler], None]:
    return lambda request: request.answer(code, b"no", **headers)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEOFLOOD_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    got = download(
        server.url, tmp_path / "m" / "w.pth", progress=lambda done, total: told.append((done, total))
    )
    assert (tmp_path / "m" / "w.pth").read_bytes() == BODY
    assert names(tmp_path / "m") == ["w.pth"]
    assert (got.sha256, got.size, got.etag) == (hashlib.sha256(BODY).hexdigest(), len(BODY), '"one"')
    assert told[-1] == (len(BODY), len(BODY))
    assert server.asked[0]["Accept-Encoding"] == "identity"


def test_a_broken_connection_is_taken_up_where_it_ended(server: Server, tmp_path: Path) -> None:
    server.plan = [broken_off, whole]
    download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert (tmp_path / "w.pth").read_bytes() == BODY
    assert server.asked[1]["Range"] == f"bytes={len(BODY) // 3}-"
    assert server.asked[1]["If-Range"] == '"one"'


def test_the_next_call_goes_on(server: Server, tmp_path: Path) -> None:
    server.plan = [broken_off, status(503)]
    with pytest.raises(NetworkError, match="answered 503, 3 times in a row"):
        download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert names(tmp_path) == [".w.pth.part", ".w.pth.part.json"]
    server.plan = [whole]
    download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert server.asked[-1]["Range"] == f"bytes={len(BODY) // 3}-"
    assert names(tmp_path) == ["w.pth"]


def test_a_file_that_changed_meanwhile_starts_anew(server: Server, tmp_path: Path) -> None:
    changed = BODY[::-1]
    server.plan = [broken_off, lambda request: whole(request, '"two"', changed)]
    download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert (tmp_path / "w.pth").read_bytes() == changed


@pytest.mark.parametrize("note", ["", "no json", '{"url": "http://elsewhere", "validator": "x"}', "[]"])
def test_a_part_of_something_else_is_not_used(server: Server, tmp_path: Path, note: str) -> None:
    (tmp_path / ".w.pth.part").write_bytes(b"something else")
    if note:
        (tmp_path / ".w.pth.part.json").write_text(note)
    download(server.url, tmp_path / "w.pth")
    assert "Range" not in server.asked[0]
    assert (tmp_path / "w.pth").read_bytes() == BODY


@pytest.mark.parametrize("extra", [0, 5])
def test_a_part_that_is_whole_or_longer(server: Server, tmp_path: Path, extra: int) -> None:
    (tmp_path / ".w.pth.part").write_bytes(BODY + bytes(extra))
    (tmp_path / ".w.pth.part.json").write_text(json.dumps({"url": server.url, "validator": '"one"'}))
    download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert (tmp_path / "w.pth").read_bytes() == BODY
    assert len(server.asked) == (2 if extra else 1)


def test_without_a_validator_nothing_is_resumed(server: Server, tmp_path: Path) -> None:
    server.plan = [lambda request: broken_off(request, 'W/"weak"'), whole]
    download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert "Range" not in server.asked[1]
    assert (tmp_path / "w.pth").read_bytes() == BODY


def test_a_lying_range_is_not_believed(server: Server, tmp_path: Path) -> None:
    def lie(request: Handler) -> None:
        request.answer(206, BODY[:9], ETag='"one"', Content_Range=f"bytes 0-8/{len(BODY)}")

    server.plan = [broken_off, lie, whole]
    download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert (tmp_path / "w.pth").read_bytes() == BODY


@pytest.mark.parametrize("code", [429, 500, 503])
def test_passing_troubles_pass(server: Server, tmp_path: Path, code: int) -> None:
    server.plan = [status(code, Retry_After="0"), status(code), whole]
    download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert (tmp_path / "w.pth").read_bytes() == BODY


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_refusals_are_final(server: Server, tmp_path: Path, code: int) -> None:
    server.plan = [status(code)]
    with pytest.raises(NetworkError, match=f"127.0.0.1 answered {code} for http"):
        download(server.url, tmp_path / "w.pth", retry=HURRIED)
    assert len(server.asked) == 1
    assert names(tmp_path) == []


def test_a_web_page_is_no_file(server: Server, tmp_path: Path) -> None:
    server.plan = [
        lambda request: request.answer(200, b"<html>Log in</html>", Content_Type="text/html; charset=utf-8")
    ]
    with pytest.raises(NetworkError, match="sent a web page"):
        download(server.url, tmp_path / "w.pth")
    assert names(tmp_path) == []


def test_redirects_stay_with_the_server_or_https(server: Server, tmp_path: Path) -> None:
    server.plan = [status(302, Location="/elsewhere"), status(307, Location=server.url), whole]
    download(server.url, tmp_path / "w.pth")
    assert [asked["path"] for asked in server.asked] == ["/weights.pth", "/elsewhere", "/weights.pth"]
    server.plan = [status(302, Location="http://localhost.invalid/weights.pth")]
    with pytest.raises(NetworkError, match="which is not https"):
        download(server.url, tmp_path / "other.pth")
    server.plan = [status(302, Location="/again")]
    with pytest.raises(NetworkError, match="redirects more than"):
        download(server.url, tmp_path / "other.pth")


def test_https_may_not_be_left(tmp_path: Path) -> None:
    def far_side(request: httpx.Request) -> httpx.Response:
        if request.url.host == "github.com":
            return httpx.Response(302, headers={"Location": request.url.params["to"]})
        return httpx.Response(200, stream=httpx.ByteStream(BODY))

    with httpx.Client(transport=httpx.MockTransport(far_side)) as client:
        good = "https://github.com/a?to=https://cdn.example/a"
        assert download(good, tmp_path / "w.pth", client=client).size == len(BODY)
        with pytest.raises(NetworkError, match="not https"):
            download(good.replace("to=https", "to=http"), tmp_path / "v.pth", client=client)
    assert names(tmp_path) == ["w.pth"]


def test_a_stalled_server_is_given_up(server: Server, tmp_path: Path) -> None:
    gate = threading.Event()
    server.plan = [lambda request: gate.wait(5) and None]
    with (
        httpx.Client(timeout=0.05) as client,
        pytest.raises(NetworkError, match="timed out, 2 times in a row"),
    ):
        download(server.url, tmp_path / "w.pth", retry=Retry(2, 0.01), client=client)
    gate.set()
    assert names(tmp_path) == []


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1: .*refused, 2 times") as error:
        download("http://127.0.0.1:9/w.pth", tmp_path / "w.pth", retry=Retry(2, 0.01))
    assert "HTTPS_PROXY" in error.value.hint
    assert names(tmp_path) == []


def test_offline_asks_nobody(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")
    with pytest.raises(NetworkError, match=r"GEOFLOOD_OFFLINE is set, so 127\.0\.0\.1 is not asked"):
        download(server.url, tmp_path / "w.pth")
    assert server.asked == []
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "0")
    assert download(server.url, tmp_path / "w.pth").size == len(BODY)


def test_a_disk_too_small_is_seen_before_it_is_full(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6, 1000)
    )
    with pytest.raises(OSError, match="No space left") as error:
        download(server.url, tmp_path / "w.pth")
    assert error.value.errno == errno.ENOSPC
    assert names(tmp_path) == []


def test_a_disk_that_fills_up_leaves_nothing(server: Server, tmp_path: Path) -> None:
    def fill(done: int, total: int | None) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        download(server.url, tmp_path / "w.pth", progress=fill)
    assert names(tmp_path) == []


def test_what_the_check_refuses_leaves_nothing(server: Server, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        assert path.read_bytes() == BODY
        raise ValueError("not this")

    with pytest.raises(ValueError, match="not this"):
        download(server.url, tmp_path / "w.pth", refuse)
    assert names(tmp_path) == []


def test_an_interrupted_download_is_resumed(server: Server, tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server.url, tmp_path / "w.pth", progress=interrupt)
    assert names(tmp_path) == [".w.pth.part", ".w.pth.part.json"]
    download(server.url, tmp_path / "w.pth")
    assert "Range" in server.asked[1]
    assert (tmp_path / "w.pth").read_bytes() == BODY
