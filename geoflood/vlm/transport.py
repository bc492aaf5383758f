"""HTTP to a model's server: bounded in bytes and time, without proxies and redirects.

The server may be broken, overloaded or another one than was meant, and the body is somebody's photo. So no
proxy of the environment is used, no redirect is followed, and no reply is read without end.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from geoflood.core.errors import UsageError

__all__ = [
    "READ_S",
    "AnswerTooLargeError",
    "BoundedTransport",
    "client_settings",
    "is_loopback",
    "server_url",
]

MAX_BYTES = 4_000_000
"""Of one reply. A stream spends some 150 bytes a token; the longest answer asked for has 2,300."""

DEADLINE_S = 900.0
"""For one reply, however steadily it drips: ten times what a slow processor needs."""

CONNECT_S, READ_S = 5.0, 300.0
"""Longest silence. A model that is not in memory yet is silent while it loads."""


class AnswerTooLargeError(httpx.TransportError):
    """A reply that does not end, by bytes or by time."""


class _BoundedStream(httpx.SyncByteStream):
    """A body that stops being read when it is too long or takes too long."""

    def __init__(self, stream: httpx.SyncByteStream, max_bytes: int, deadline_s: float) -> None:
        self._stream, self._left, self._until = stream, max_bytes, time.monotonic() + deadline_s

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise AnswerTooLargeError("the reply is too long")
            if time.monotonic() > self._until:
                raise AnswerTooLargeError("the reply does not end")
            yield chunk

    def close(self) -> None:
        self._stream.close()


class BoundedTransport(httpx.BaseTransport):
    """httpx's own transport, with every reply bounded; compressed ones are refused, for they may be bombs."""

    def __init__(self, tls: bool, max_bytes: int = MAX_BYTES, deadline_s: float = DEADLINE_S) -> None:
        # Loading the certificates takes longer than a whole local exchange, so plain HTTP goes without.
        # Connections are not kept: llama-server closes idle ones, and the next question would fail.
        self._inner = httpx.HTTPTransport(verify=tls, limits=httpx.Limits(max_keepalive_connections=0))
        self._max_bytes, self._deadline_s = max_bytes, deadline_s

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            response.close()
            raise AnswerTooLargeError("the reply is compressed, which nobody asked for")
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _BoundedStream(response.stream, self._max_bytes, self._deadline_s)
        return response

    def close(self) -> None:
        self._inner.close()


def client_settings(url: str, read_s: float = READ_S) -> dict[str, Any]:
    """What every httpx client of this room is made with, the one inside the `ollama` package too."""
    return {
        "transport": BoundedTransport(tls=url.startswith("https:")),
        "timeout": httpx.Timeout(connect=CONNECT_S, read=read_s, write=60.0, pool=CONNECT_S),
        "follow_redirects": False,
        "trust_env": False,
        "headers": {"Accept-Encoding": "identity"},
    }


def server_url(host: str, port: int = 11434) -> str:
    """The URL of a host given as people give it: "gpu-box", "10.0.0.5:11434", "https://x/y", "[::1]".

    `0.0.0.0`, which servers listen on and OLLAMA_HOST therefore often says, means this machine.
    Raises UsageError.
    """
    scheme, _, rest = host.strip().rpartition("://")
    try:
        split = urlsplit(f"{scheme or 'http'}://{rest}")
        name, given = split.hostname, split.port
    except ValueError as error:
        raise UsageError(f"{host!r} is no host: {error}", "give it as 127.0.0.1:11434") from error
    if not name or split.scheme not in {"http", "https"}:
        raise UsageError(f"{host!r} is no host", "give it as 127.0.0.1:11434")
    if name in {"0.0.0.0", "::"}:
        name = "127.0.0.1"
    default = {"http": 80, "https": 443}[split.scheme] if scheme else port
    shown = f"[{name}]" if ":" in name else name
    return f"{split.scheme}://{shown}:{given or default}{split.path.rstrip('/')}"


def is_loopback(url: str) -> bool:
    """Whether a photo sent there stays on this machine."""
    name = urlsplit(url).hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
