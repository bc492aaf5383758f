"""Opens a page in headless Chromium, and knows what must not run or be loaded."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

CANARY = "document.documentElement.dataset.canary='ran'"
HOSTILE = (
    f'<script>{CANARY}</script></script><script>{CANARY}</script><img src=x onerror="{CANARY}">'
    f"'\"><svg onload={CANARY}> javascript:{CANARY} http://canary.invalid/a.png `${{{CANARY}}}` {{{{7*7}}}}"
    f"\u202e\x00\u2028--><!-- ]]> &lt;b&gt;"
)
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
CHROMIUMS_OWN = re.compile(rb"^\w+ (http://)?([\w-]+\.)*(google|googleapis|gstatic)\.com[:/]|^$")
"""What the browser asks for by itself, whatever page is open; a connection may also end without a word."""
REQUIRED = os.environ.get("GEOFLOOD_REQUIRE_BROWSER") == "1"


def needs_browser(test: Callable[..., None]) -> Callable[..., None]:
    """Marks a test that opens a page; without a browser it is skipped, or fails where one is required."""
    missing = pytest.mark.skipif(CHROMIUM is None and not REQUIRED, reason="no Chromium is installed")
    return pytest.mark.browser(missing(test))


class Links(HTMLParser):
    """What a page would load or lead to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.found += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")
        ]


def open_page(page: Path, profile: Path, *flags: str) -> str:
    """The document after its scripts ran, as Chromium prints it."""
    assert CHROMIUM, "GEOFLOOD_REQUIRE_BROWSER is set, and no Chromium is installed"
    quiet = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    command = [
        CHROMIUM,
        *(f"--{flag}" for flag in f"{quiet} disable-component-update disable-sync dump-dom".split()),
    ]
    command += [f"--user-data-dir={profile}", "--window-size=1366,768", "--virtual-time-budget=2000", *flags]
    if not any(flag.startswith("--proxy-server") for flag in flags):
        command.append("--host-resolver-rules=MAP * ~NOTFOUND")
    done = subprocess.run([*command, page.as_uri()], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def page_data(dom: str, name: str) -> str | None:
    """The data attribute of the root element."""
    root = re.search(r"<html[^>]*>", dom)
    assert root
    value = re.search(rf'data-{name}="([^"]*)"', root[0])
    return unescape(value[1]) if value else None


@contextmanager
def eavesdropper() -> Iterator[tuple[int, list[bytes]]]:
    """A proxy that answers nothing and remembers the first line of every request: (port, lines)."""
    lines: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(2)
                    lines.append(connection.recv(300).split(b"\r\n")[0])

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], lines
        server.shutdown(socket.SHUT_RDWR)
