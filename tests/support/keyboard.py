"""A page under a person's keys, in headless Chromium: real ones, which type, submit and cancel."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.browser import CHROMIUM

_CODES = {
    "Enter": 13,
    "Escape": 27,
    " ": 32,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
_TYPED = {"Enter": "\r", "Escape": "", "Tab": ""}


class Keyboard:
    """A browser's debugging pipe: keys go in, what the page says comes out."""

    def __init__(self, into: int, out: int) -> None:
        self._into, self._out = os.fdopen(into, "wb"), os.fdopen(out, "rb")
        self._rest, self._count, self._session = b"", 0, ""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser, and wait for its answer."""
        self._count += 1
        told: dict[str, Any] = {"id": self._count, "method": method, "params": params}
        if self._session:
            told["sessionId"] = self._session
        self._into.write(json.dumps(told).encode() + b"\0")
        self._into.flush()
        while (answer := self._read()).get("id") != self._count:
            pass
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._out.fileno(), 1 << 20)
            assert more, "the browser ended"
            self._rest += more
        line, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(line))

    def close(self) -> None:
        """End the browser: it ends when nobody writes to it."""
        self._into.close()
        self._out.close()

    def open(
        self, page: Path, width: int = 1280, height: int = 800, night: bool = False, counted: bool = False
    ) -> None:
        """Open a page in a window of this size, and wait until it is ready.

        `counted`: its metrics count processor time, not that of the clock.
        """
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if night else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.enable")
        if counted:
            self.call("Performance.enable", timeDomain="threadTicks")
        self.call("Page.navigate", url=page.as_uri())
        while self.ask("document.documentElement?.dataset.ready") != "true":
            pass

    def press(self, *keys: str) -> None:
        """Press keys one after the other; "Enter" and the like by their names."""
        for key in keys:
            told = {"key": key, "text": _TYPED.get(key, key if len(key) == 1 else "")}
            told |= {"windowsVirtualKeyCode": _CODES.get(key, ord(key[0].upper()))}
            self.call("Input.dispatchKeyEvent", type="keyDown" if told["text"] else "rawKeyDown", **told)
            self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page; a promise's once it is kept."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def processor_s(self) -> float:
        """Seconds that all the browser's processes have worked."""
        page, self._session = self._session, ""
        told = self.call("SystemInfo.getProcessInfo")["processInfo"]
        self._session = page
        return float(sum(one["cpuTime"] for one in told))

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def keyboard(profile: Path) -> Iterator[Keyboard]:
    """A browser of its own, with nothing to be found on any network."""
    assert CHROMIUM, "GEOFLOOD_REQUIRE_BROWSER is set, and no Chromium is installed"
    (its_in, our_out), (our_in, its_out) = os.pipe(), os.pipe()
    quiet = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    flags = [
        f"--{flag}" for flag in f"{quiet} disable-component-update disable-sync remote-debugging-pipe".split()
    ]
    flags += [f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND"]
    shell = f'exec "$@" 3<&{its_in} 4>&{its_out}'
    browser = subprocess.Popen(
        ["bash", "-c", shell, "browser", CHROMIUM, *flags],
        pass_fds=(its_in, its_out),
        stderr=subprocess.DEVNULL,
    )
    os.close(its_in)
    os.close(its_out)
    keys = Keyboard(our_out, our_in)
    try:
        yield keys
    finally:
        keys.close()
        browser.wait(30)
