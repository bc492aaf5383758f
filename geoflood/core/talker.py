"""One who talks with a provider's hosts: paced, patient with what passes, silent after the first block.

Providers block whole addresses for a day when they are asked too fast, so nobody else in this program may
ask them. A pace and a block belong to a host. Tokens go to the host they are for, and into no message.
"""

from __future__ import annotations

import json
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import httpx
import tenacity

from geoflood.core.download import DEFAULT_RETRY, Retry
from geoflood.core.errors import BlockedError, NetworkError
from geoflood.core.known_blocks import known_block, remember_block
from geoflood.core.wire import (
    CHECK_CONNECTION,
    LOGIN_PAGE,
    TEMPORARY_STATUS,
    WAIT,
    hide_secrets_in_logs,
    is_web_page,
    leaves_https,
    reason_of,
    redact,
    refuse_offline,
    retry_after_s,
    user_agent,
)

__all__ = [
    "Manners",
    "NotHttpError",
    "PassingError",
    "Question",
    "Redirects",
    "Secret",
    "Talker",
    "WebAnswer",
]

T = TypeVar("T")

_HOPS = 5
"""Redirects that are followed before an answer is given up."""

_DEADLINE_S = 300.0
"""For one answer, however steadily it drips."""

_GUESSED_BLOCK_H = 1.0
"""After which to try again, where nobody knows how long a block lasts."""

_LONGEST_WAIT_S = 120.0
"""That is waited because a server asks for it. One that asks for more is left alone instead."""


class PassingError(Exception):
    """An answer that may be another a moment later: it is asked again. Its text is the reason."""

    def __init__(self, reason: str, wait_s: float = 0.0, then: NetworkError | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        """How long the server asks to wait."""
        self.then = then
        """What to raise when it does not pass; None: a plain NetworkError."""


class NotHttpError(NetworkError):
    """What came is no HTTP answer. A final 1xx ends so, too: clients take it for the first of two."""


class Redirects(StrEnum):
    """Where a host may send us on to."""

    NOWHERE = "nowhere"
    SAME_HOST = "same host"
    ANYWHERE = "anywhere"
    """But never from https to http."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a provider's hosts want to be asked."""

    a_minute: float
    """Requests to one host, at most."""
    redirects: Redirects = Redirects.SAME_HOST
    blocking: frozenset[int] = frozenset({403, 429})
    """Statuses that mean: stop asking."""
    pages_block: bool = False
    """A web page or a redirect in place of data means the same; else it is a network's login page."""
    login_pages: tuple[str, ...] = ()
    """Endings of the hosts, with their dot, on which the provider's own login pages lie."""
    blocked_h: float | None = None
    """How long a block is known to last, where the answer does not say; None: nobody knows."""
    jitter: float = 0.25
    """Each pause is longer by up to this share, so that requests do not come like clockwork."""

    def paced(self, a_minute: float | None) -> Manners:
        """The same at another pace; None: at this one."""
        return self if a_minute is None else replace(self, a_minute=a_minute)


@dataclass(frozen=True, slots=True)
class Secret:
    """A token and the one host that may see it, in a header or in the address."""

    host: str
    """With its port, as in httpx's `netloc`."""
    value: str = field(repr=False)
    header: str = ""
    parameter: str = ""
    prefix: str = ""
    """Before the value in the header, such as "OAuth "."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    """Makes it a POST."""
    secret: Secret | None = None
    accept: str = "application/json"
    most_bytes: int = 64_000_000
    """Of the body, decompressed."""
    redirects: Redirects | None = None
    """Where this one may be sent on to; None: where the provider's manners say."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """A whole answer, whatever its status."""

    provider: str
    manners: Manners
    url: str
    """Of what was answered in the end, without any secret."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    wait_s: float | None = None
    """How long the server asks to wait."""

    @property
    def host(self) -> str:
        return httpx.URL(self.url).host

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        return is_web_page(self.headers.get("content-type", ""), self.body)

    def checked(self) -> WebAnswer:
        """The answer itself, a good one: 200, and no web page.

        Raises PassingError for what may pass, BlockedError for a block, and NetworkError for any other.
        """
        if 300 <= self.status < 400:
            raise self._diverted(_host_of(self.headers.get("location", "")))
        waiting = self.wait_s or 0.0
        if self.status == 429 and self.wait_s is not None and waiting <= _LONGEST_WAIT_S:
            raise PassingError("answered 429, too many requests", waiting)
        if self.status in self.manners.blocking or (self.status == 429 and waiting > _LONGEST_WAIT_S):
            raise self.block(f"answered {self.status}", waiting / 3600 or None)
        if self.status in TEMPORARY_STATUS:
            if waiting > _LONGEST_WAIT_S:
                raise self.block(f"answered {self.status} and asks to wait", waiting / 3600)
            raise PassingError(f"answered {self.status}", waiting)
        if self.status == 407:
            raise NetworkError("the proxy wants a login", "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT")
        if self.status != 200:
            where = redact(self.url)
            raise NetworkError(f"{self.host} answered {self.status} for {where}", "try again later")
        if self.is_page:
            raise self._diverted()
        return self

    def json(self) -> Any:
        """The JSON in it. Raises as `checked` does, and PassingError for what is no JSON."""
        try:
            return json.loads(self.checked().body)
        except (ValueError, RecursionError) as error:
            raise PassingError("sent no whole JSON") from error

    def block(self, reason: str, hours: float | None = None, surely: bool = True) -> BlockedError:
        """The error that ends all talk with this host; it says when to go on.

        What is not `surely` a block has no known end, so the next run asks again.
        """
        known_h = self.manners.blocked_h if hours is None else hours
        until = datetime.now(UTC) + timedelta(hours=_GUESSED_BLOCK_H if known_h is None else known_h)
        return BlockedError(
            f"{self.provider} blocks this address for a while: {self.host} {reason}",
            f"what is done is kept; run the same command again after {until:%Y-%m-%d %H:%M} UTC, not before",
            until if surely and known_h is not None else None,
        )

    def _diverted(self, there: str = "") -> NetworkError:
        """For a redirect to a host, or a page in place of data: the network's own pages look the same."""
        reason = f"redirects to {there}" if there else "sent a web page, not data"
        if self.manners.pages_block:
            return self.block(reason, surely=f".{there}".endswith(self.manners.login_pages))
        return NetworkError(f"{self.host} {reason}", LOGIN_PAGE)


class _Line:
    """To one host: when it may be asked again, and whether it blocks us."""

    def __init__(self, host: str) -> None:
        self.free_at = 0.0
        self.blocked = known_block(host)


class Talker:
    """Talks with all hosts of one provider that want the same manners. Threads may share it."""

    def __init__(
        self,
        provider: str,
        manners: Manners,
        *,
        retry: Retry = DEFAULT_RETRY,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        timeout: httpx.Timeout = WAIT,
        deadline_s: float = _DEADLINE_S,
    ) -> None:
        self.provider, self.manners = provider, manners
        self._retry, self._clock, self._sleep, self._deadline_s = retry, clock, sleep, deadline_s
        self._lines: dict[str, _Line] = {}
        self._lock = threading.Lock()
        hide_secrets_in_logs()
        headers = {"User-Agent": user_agent(), "Accept-Encoding": "gzip", "Accept-Language": "en"}
        self._client = httpx.Client(timeout=timeout, headers=headers, follow_redirects=False)
        weakref.finalize(self, self._client.close)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, question: Question, read: Callable[[WebAnswer], T]) -> T:
        """What `read` makes of the answer, whatever its status; its PassingError means to ask again.

        Raises NetworkError when that does not help, and whatever else `read` raises. After a BlockedError
        the host is not asked again by this talker, and every question to it raises the same.
        """
        try:
            url = httpx.URL(question.url)
        except httpx.InvalidURL as error:
            raise NetworkError(f"not an address: {redact(question.url)[:80]}", str(error)) from None
        refuse_offline(url.host)
        if question.secret and question.secret.host != _netloc(url):
            raise ValueError(f"a secret for {question.secret.host} is not for {url.host}")
        patience = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            stop=tenacity.stop_after_attempt(self._retry.attempts),
            wait=self._pause_s,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            answered: T = patience(self._once, question, read)
            return answered
        except (PassingError, httpx.RequestError) as error:
            raise _given_up(url.host, error, question.secret, self._retry.attempts) from None

    def _once(self, question: Question, read: Callable[[WebAnswer], T]) -> T:
        answer = self._answer(question)
        try:
            return read(answer)
        except BlockedError as error:
            url = httpx.URL(answer.url)
            self._line(url).blocked = error
            remember_block(_netloc(url), error)
            raise

    def _pause_s(self, state: tenacity.RetryCallState) -> float:
        """Twice as long after each failure, or as long as the server asks."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_s if isinstance(error, PassingError) else 0.0
        return max(asked, self._retry.pause(state.attempt_number) * random.uniform(1.0, 1.5))

    def _answer(self, question: Question) -> WebAnswer:
        """The answer after such redirects as are allowed."""
        request = self._request(question)
        for _ in range(_HOPS):
            self._wait_turn(request.url)
            response = self._client.send(request, stream=True)
            try:
                following = self._following(response, question.redirects or self.manners.redirects)
                if following is None:
                    body = b"".join(self._bounded(response, question.most_bytes))
                    return self._whole(question, response, body)
            finally:
                response.close()
            request = following
        raise NetworkError(f"{request.url.host} redirects without end", LOGIN_PAGE)

    def _request(self, question: Question) -> httpx.Request:
        params, headers = dict(question.params), {"Accept": question.accept}
        if secret := question.secret:
            if secret.header:
                headers[secret.header] = f"{secret.prefix}{secret.value}"
            else:
                params[secret.parameter] = secret.value
        url = httpx.URL(question.url).copy_merge_params(params) if params else httpx.URL(question.url)
        method = "GET" if question.form is None else "POST"
        form = None if question.form is None else dict(question.form)
        return self._client.build_request(method, url, data=form, headers=headers)

    def _following(self, response: httpx.Response, allowed: Redirects) -> httpx.Request | None:
        """The redirected request, without any secret, where it may be followed."""
        there = response.next_request
        here = response.request
        if there is None or allowed is Redirects.NOWHERE or leaves_https(here.url, there.url):
            return None
        if allowed is Redirects.SAME_HOST and there.url.netloc != here.url.netloc:
            return None
        headers = {"Accept": here.headers["Accept"]}
        return self._client.build_request("GET", there.url, headers=headers)

    def _bounded(self, response: httpx.Response, most_bytes: int) -> Iterator[bytes]:
        """The body's pieces. Raises NetworkError when there are too many, PassingError when they drip."""
        host, until, left = response.request.url.host, self._clock() + self._deadline_s, most_bytes
        for piece in response.iter_bytes():
            left -= len(piece)
            if left < 0:
                raise NetworkError(
                    f"{host} sends more than {most_bytes / 1e6:g} MB", "is this the right address?"
                )
            if self._clock() > until:
                raise PassingError(f"the answer did not end within {self._deadline_s:g} s")
            yield piece

    def _whole(self, question: Question, response: httpx.Response, body: bytes) -> WebAnswer:
        url = str(response.request.url)
        if question.secret:
            url = redact(url, question.secret.value)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return WebAnswer(
            self.provider, self.manners, url, response.status_code, headers, body, retry_after_s(response)
        )

    def _line(self, url: httpx.URL) -> _Line:
        host = _netloc(url)
        with self._lock:
            if host not in self._lines:
                self._lines[host] = _Line(host)
            return self._lines[host]

    def _wait_turn(self, url: httpx.URL) -> None:
        """Wait until the host may be asked again. Raises BlockedError when it blocks us."""
        line = self._line(url)
        if line.blocked:
            raise BlockedError(str(line.blocked), line.blocked.hint, line.blocked.until)
        gap = 60.0 / self.manners.a_minute * random.uniform(1.0, 1.0 + self.manners.jitter)
        with self._lock:
            now = self._clock()
            turn = max(now, line.free_at)
            line.free_at = turn + gap
        if turn > now:
            self._sleep(turn - now)


def _may_pass(error: BaseException) -> bool:
    """Whether asking again can help: not with a wrong certificate, and not with an address that is none."""
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError) or _is_no_http(error):
        return False
    return isinstance(error, PassingError | httpx.RequestError) and "CERTIFICATE" not in str(error)


def _is_no_http(error: BaseException) -> bool:
    return isinstance(error, httpx.RemoteProtocolError) and "illegal status line" in str(error)


def _given_up(host: str, error: Exception, secret: Secret | None, attempts: int) -> NetworkError:
    """The error for what did not pass, in one line."""
    if isinstance(error, PassingError) and error.then is not None:
        return error.then
    reason = redact(reason_of(error), secret.value if secret else "")
    if not _may_pass(error):
        if _is_no_http(error):
            return NotHttpError(f"{host}: what it sends is no HTTP", "is this the right address?")
        if "CERTIFICATE" in reason:
            return NetworkError(
                f"{host}: its certificate cannot be trusted", f"{LOGIN_PAGE}; or SSL_CERT_FILE"
            )
        return NetworkError(f"{host} cannot be asked: {reason}", "is this the right address?")
    return NetworkError(f"{host}: {reason}, {attempts} times in a row", CHECK_CONNECTION)


def _netloc(url: httpx.URL) -> str:
    """The host with its port."""
    return url.netloc.decode("ascii")


def _host_of(location: str) -> str:
    try:
        return httpx.URL(location).host or "another page"
    except httpx.InvalidURL:
        return "no address"
