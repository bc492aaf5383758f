"""A local HTTP server on its own thread, whose moods a test can choose."""

from __future__ import annotations

import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Json = dict[str, Any]


class RefusedError(Exception):
    """What the real server answers instead: status and body."""

    def __init__(self, status: int, body: Json | str) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


class FarServer(ABC):
    """Keeps what it was asked, and whatever in it was against the documentation."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.violations: list[str] = []
        self.moods: deque[str] = deque()
        self.busy_now, self.busy_most, self.answered = 0, 0, 0
        self.lock = threading.Lock()
        self.delay_s = 0.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"

    def wire(self, handler: BaseHTTPRequestHandler) -> Wire:
        """What one request is answered with."""
        return Wire(handler)

    def asked(self, path: str) -> list[Any]:
        """The bodies sent to a path."""
        return [body for _, where, body in self.requests if where == path]

    @abstractmethod
    def route(self, wire: Wire, method: str, path: str, body: Any) -> None:
        """Answer one request."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Counts how many questions are worked on at once."""
        with self.lock:
            self.busy_now += 1
            self.busy_most = max(self.busy_most, self.busy_now)
        try:
            time.sleep(self.delay_s)
        finally:
            with self.lock:  # before the reply leaves, after which a client may ask again at once
                self.busy_now -= 1
        try:
            yield
        finally:
            with self.lock:
                self.answered += 1

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.stop()
        assert kind or not self.violations, self.violations

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else a body waits 40 ms for its headers to be acknowledged

            def do_GET(self) -> None:
                self._serve("GET")

            def do_POST(self) -> None:
                self._serve("POST")

            def _serve(self, method: str) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                try:
                    body = json.loads(raw) if raw else None
                except ValueError:
                    body = raw
                with server.lock:
                    server.requests.append((method, self.path, body))
                try:
                    server.route(server.wire(self), method, self.path, body)
                except RefusedError as refused:
                    Wire(self).send(refused.body, refused.status)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class Wire:
    """Ways of answering, decent and other."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler

    @property
    def headers(self) -> Message:
        """Of the request."""
        return self._handler.headers

    def send(self, body: Json | list[Any] | str | bytes, status: int = 200, **headers: str) -> None:
        as_text = isinstance(body, str | bytes)
        data = (
            body
            if isinstance(body, bytes)
            else body.encode()
            if isinstance(body, str)
            else json.dumps(body).encode()
        )
        kind = "text/plain; charset=utf-8" if as_text else "application/json; charset=utf-8"
        self._handler.send_response(status)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(data))} | given).items():
            self._handler.send_header(name, value)
        self._handler.end_headers()
        self._handler.wfile.write(data)

    def stream(
        self, lines: Iterable[str], kind: str = "application/x-ndjson", broken: bool = False, end: str = "\n"
    ) -> None:
        """Chunked, as Go and llama-server do; a broken one ends without the last chunk."""
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", kind)
        self._handler.send_header("Transfer-Encoding", "chunked")
        self._handler.end_headers()
        for line in lines:
            data = f"{line}{end}".encode()
            self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if broken:
            self.drop()
        else:
            self._handler.wfile.write(b"0\r\n\r\n")

    def drop(self) -> None:
        """Close the connection without a word."""
        self._handler.wfile.flush()
        self._handler.connection.shutdown(socket.SHUT_RDWR)
        self._handler.close_connection = True


Answerer = Callable[[Json], Any]
"""From a request's body to what the model writes."""
