"""What every far source of street images shares: it counts requests, wants a name, and has bad days."""

from __future__ import annotations

import gzip
import json
import time
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.far_side.server import FarServer, Json, RefusedError, Wire

PORTAL = "<!DOCTYPE html><html><title>Hotel Wi-Fi</title><form>Room and name, please</form></html>"

STOCK = ("python-httpx", "python-requests", "python-urllib", "curl", "aiohttp")
"""User-Agents that providers turn away."""

Params = dict[str, str]


class SourceWire(Wire):
    """Sends its answer in the server's present mood."""

    mood = ""

    def answer(
        self,
        body: bytes | str | Json | list[Any],
        kind: str = "application/json",
        status: int = 200,
        **more: str,
    ) -> None:
        """The body with its type, whole or as the mood wants it."""
        data = (
            body
            if isinstance(body, bytes)
            else body.encode()
            if isinstance(body, str)
            else json.dumps(body).encode()
        )
        match self.mood:
            case "cut":  # promises more than it sends, and hangs up
                self.send(
                    data[: len(data) // 2], status, Content_Type=kind, Content_Length=str(len(data)), **more
                )
                self.drop()
            case "lying":  # promises less than there is
                self.send(data[: len(data) // 2], status, Content_Type=kind, **more)
            case "chunked":
                self.chunked([data[at : at + 1000] for at in range(0, len(data), 1000)], kind, status)
            case "cut chunked":
                self.chunked([data[: len(data) // 2]], kind, status, broken=True)
            case "drip":
                self.chunked((data[at : at + 1] for at in range(len(data))), kind, status, pause_s=0.02)
            case "packed":  # gzip, and no header says so
                self.send(gzip.compress(data), status, Content_Type=kind, **more)
            case "zipped":
                self.send(gzip.compress(data), status, Content_Type=kind, Content_Encoding="gzip", **more)
            case _:
                self.send(data, status, Content_Type=kind, **more)

    def chunked(
        self, pieces: Any, kind: str, status: int = 200, broken: bool = False, pause_s: float = 0.0
    ) -> None:
        """In pieces, without a length; a broken one ends without the last."""
        handler = self._handler
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(pause_s)
        if broken:
            self.drop()
        else:
            handler.wfile.write(b"0\r\n\r\n")

    def raw(self, data: bytes) -> None:
        """These bytes, and the end of the connection."""
        self._handler.wfile.write(data)
        self.drop()


class FarSource(FarServer):
    """`moods` are used up one a request; when none is left it answers decently.

    Asked more than `a_minute` times within a minute of `clock`, it notes a violation.
    """

    secret_forbidden = False
    """Any token sent here is a violation."""

    def __init__(self, a_minute: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.url = f"http://{self.host}"
        self.a_minute, self.clock = a_minute, clock
        self._asked_at: deque[float] = deque()
        self.paths: Counter[str] = Counter()
        """How often each path was asked, whatever its query."""

    @abstractmethod
    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        """Answer one request in a decent mood."""

    def wire(self, handler: BaseHTTPRequestHandler) -> SourceWire:
        return SourceWire(handler)

    def route(self, wire: Wire, method: str, path: str, body: Any) -> None:
        assert isinstance(wire, SourceWire)
        split = urlsplit(path)
        self._count(split.path)
        self._look_at(wire)
        with self.lock:
            wire.mood = self.moods.popleft() if self.moods else ""
        if wire.mood.startswith("status "):
            _, status, *wait = wire.mood.split()
            more = {"Retry_After": wait[0]} if wait else {}
            wire.send({"message": "not now"}, int(status), **more)
        elif wire.mood == "portal":
            wire.answer(PORTAL, "text/html; charset=utf-8")
        elif wire.mood == "hidden portal":
            wire.answer(PORTAL, "application/json")
        elif wire.mood == "login":
            wire.send("", 302, Location="https://login.example/?next=/")
        elif wire.mood == "drop":
            wire.drop()
        else:
            form = dict(parse_qsl(body.decode())) if isinstance(body, bytes) else {}
            try:
                self.respond(wire, method, split.path, dict(parse_qsl(split.query)), form)
            except (RefusedError, OSError):
                raise
            except Exception as error:  # a fault of the fake fails the test, not the socket
                self.violations.append(f"{method} {path}: {error!r}")
                raise RefusedError(500, "a fault of the test's own server") from error

    def _count(self, path: str) -> None:
        with self.lock:
            self.paths[path] += 1
            now = self.clock()
            self._asked_at.append(now)
            while self._asked_at[0] <= now - 60.0:
                self._asked_at.popleft()
            if self.a_minute is not None and len(self._asked_at) > self.a_minute:
                self.violations.append(f"{len(self._asked_at)} requests within a minute")

    def _look_at(self, wire: SourceWire) -> None:
        agent = wire.headers.get("User-Agent", "")
        if agent.lower().startswith(STOCK) or "contact:" not in agent:
            self.violations.append(f"User-Agent {agent!r}")
            raise RefusedError(403, "who are you?")
        told = wire.headers.get("Authorization") or "access_token" in wire._handler.path
        if self.secret_forbidden and told:
            self.violations.append("a token was sent here")
