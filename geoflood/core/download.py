"""One file from the web to the disk: retried, resumed, checked, whole or absent.

What has arrived waits beside the target as a hidden `.part` with a note of what it is a part of; the next
call asks for the rest, under the condition that the file behind the URL has not changed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import httpx

from geoflood.core.errors import NetworkError
from geoflood.core.files import fingerprint
from geoflood.core.wire import (
    CHECK_CONNECTION,
    TEMPORARY_STATUS,
    WAIT,
    is_web_page,
    reason_of,
    refuse_offline,
    retry_after_s,
    user_agent,
)

__all__ = ["DEFAULT_RETRY", "Progress", "Received", "Retry", "bytes_waiting", "download"]

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in all, None where the server does not say."""

_REDIRECTS = 8


@dataclass(frozen=True, slots=True)
class Retry:
    """How many attempts without progress, and the pause before the second, which doubles up to a minute."""

    attempts: int = 4
    pause_s: float = 1.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return min(self.pause_s * 2.0 ** (failures - 1), 60.0)


DEFAULT_RETRY = Retry()


@dataclass(frozen=True, slots=True)
class Received:
    """What was downloaded."""

    sha256: str
    size: int
    etag: str


class _TemporaryError(Exception):
    """A failure that may pass; its text is the reason. `wait_s` is how long the server asks to wait."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def download(
    url: str,
    target: Path,
    check: Callable[[Path], object] = lambda path: None,
    progress: Progress = lambda done, total: None,
    retry: Retry = DEFAULT_RETRY,
    *,
    client: httpx.Client | None = None,
) -> Received:
    """Fetch `url` into `target`, which appears whole, after `check` has accepted the file, or not at all.

    Raises NetworkError when the server cannot be reached or refuses, OSError when the disk does, and whatever
    `check` raises. After a network failure, and only then, the part that arrived stays for the next call.
    """
    refuse_offline(httpx.URL(url).host)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(target.with_name(f".{target.name}.part"), url)
    try:
        with contextlib.ExitStack() as stack:
            client = client or stack.enter_context(httpx.Client(timeout=WAIT))
            _persist(client, part, progress, retry)
        check(part.path)
        received = Received(fingerprint(part.path), part.size, part.validator)
        part.path.replace(target)
    except (NetworkError, KeyboardInterrupt):
        raise
    except BaseException:
        part.drop()
        raise
    part.drop()
    return received


def bytes_waiting(url: str, target: Path) -> int:
    """Bytes of `url` that an earlier call left, with which the next one goes on. Nothing is changed."""
    part = target.with_name(f".{target.name}.part")
    try:
        note = json.loads(part.with_name(part.name + ".json").read_bytes())
        return part.stat().st_size if note["url"] == url and note["validator"] else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


class _Part:
    """The bytes that have arrived, and what they are a part of."""

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self._note = path.with_name(path.name + ".json")
        self.validator = ""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(self._note.read_bytes())
            self.validator = str(note["validator"]) if note["url"] == url else ""
        if not self.validator:  # without one nobody knows whether the rest belongs to the same file
            self.drop()

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    def begin(self, validator: str) -> None:
        """Start anew with a file that the server calls `validator`."""
        self.drop()
        self.validator = validator
        if validator:
            self._note.write_text(json.dumps({"url": self.url, "validator": validator}))

    def drop(self) -> None:
        """Forget what has arrived."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def _persist(client: httpx.Client, part: _Part, progress: Progress, retry: Retry) -> None:
    """Request until the file is whole; give up after `retry.attempts` in a row that brought nothing."""
    failures = 0
    while True:
        before = part.size
        try:
            return _attempt(client, part, progress)
        except (_TemporaryError, httpx.TransportError) as error:
            failures = 1 if part.size > before else failures + 1
            if failures >= retry.attempts:
                host = httpx.URL(part.url).host
                raise NetworkError(
                    f"{host}: {reason_of(error)}, {failures} times in a row", CHECK_CONNECTION
                ) from error
            wait_s = error.wait_s if isinstance(error, _TemporaryError) else 0.0
            time.sleep(max(wait_s, retry.pause(failures)))


def _attempt(client: httpx.Client, part: _Part, progress: Progress) -> None:
    """One request for what is missing."""
    headers = {
        "User-Agent": user_agent(),
        "Accept-Encoding": "identity",
    }  # sizes and ranges count bytes of the file itself
    if part.size and part.validator:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.validator}
    with _answer(client, part.url, headers) as response:
        if response.status_code == 416:  # nothing is left to send, or the part is longer than the file
            if response.headers.get("Content-Range") == f"bytes */{part.size}":
                return
            part.drop()
            raise _TemporaryError("the part on disk did not fit")
        total = _begin(response, part)
        if total is not None and shutil.disk_usage(part.path.parent).free < total - part.size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part.path.parent))
        _receive(response, part, progress, total)
    if total is not None and part.size != total:
        raise _TemporaryError(f"the connection ended after {part.size} of {total} bytes")


def _receive(response: httpx.Response, part: _Part, progress: Progress, total: int | None) -> None:
    """Append the body to the part; the bytes are on the disk when this returns."""
    with part.path.open("ab") as file:
        for chunk in response.iter_raw():  # as they come: larger ones would be lost with the connection
            file.write(chunk)
            progress(file.tell(), total)
        file.flush()
        os.fsync(file.fileno())


def _begin(response: httpx.Response, part: _Part) -> int | None:
    """Make the part ready for this answer; returns the size of the whole file where the server says it."""
    if response.status_code == 206:
        sent = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if not sent or "Range" not in response.request.headers or int(sent[1]) != part.size:
            part.drop()
            raise _TemporaryError("the server sent another range than asked for")
        return int(sent[2])
    part.begin(_validator(response))
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _validator(response: httpx.Response) -> str:
    """The If-Range value that stands for this version of the file: a strong ETag, else the date or empty."""
    etag = str(response.headers.get("ETag", ""))
    return etag if etag.startswith('"') else str(response.headers.get("Last-Modified", ""))


@contextlib.contextmanager
def _answer(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """The answer after redirects, its body not yet read. A redirect may not leave https."""
    request = client.build_request("GET", url, headers=headers)
    for _ in range(_REDIRECTS):
        response = client.send(request, stream=True, follow_redirects=False)
        try:
            if response.next_request is None:
                _raise_unless_file(response)
                yield response
                return
        finally:
            response.close()
        request = _redirect(request, response.next_request)
    raise NetworkError(f"{url} redirects more than {_REDIRECTS} times", "is this the right address?")


def _redirect(request: httpx.Request, following: httpx.Request) -> httpx.Request:
    """The redirected request, if it stays on https or on the very server that was asked."""
    here, there = request.url, following.url
    same = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    if there.scheme != "https" and not same:
        raise NetworkError(f"{here.host} redirects to {there}, which is not https", "do not trust it")
    return following


def _raise_unless_file(response: httpx.Response) -> None:
    """Raises _TemporaryError or NetworkError for an answer that is not the file."""
    host, status = response.request.url.host, response.status_code
    if status in TEMPORARY_STATUS:
        raise _TemporaryError(f"answered {status}", min(retry_after_s(response) or 0.0, 60.0))
    if status not in (200, 206, 416):
        url = response.request.url
        raise NetworkError(f"{host} answered {status} for {url}", "try the address in a browser")
    if is_web_page(response.headers.get("Content-Type", "")):
        raise NetworkError(f"{host} sent a web page, not a file", "a login page of the network in between?")
