"""What all that goes over HTTP shares: our name, being offline, what may pass, what must not be told.

Proxies and certificates come from the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE).
"""

from __future__ import annotations

import logging
import os
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import httpx

from geoflood import __version__
from geoflood.core.errors import NetworkError, UsageError

__all__ = [
    "CHECK_CONNECTION",
    "LOGIN_PAGE",
    "TEMPORARY_STATUS",
    "WAIT",
    "hide_secrets_in_logs",
    "is_web_page",
    "leaves_https",
    "offline",
    "reason_of",
    "redact",
    "refuse_offline",
    "retry_after_s",
    "user_agent",
]

WAIT = httpx.Timeout(30.0, connect=15.0)

TEMPORARY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be different a moment later."""

CHECK_CONNECTION = (
    "check the connection and HTTPS_PROXY, then run the same command again: it goes on where it stopped"
)
LOGIN_PAGE = (
    "a login page of the network in between? open any page in a browser, then run the same command again"
)

_SECRETS = (
    (re.compile(r"(?i)\b(access_token|api_key|token|signature|sig)=[^&\s\"'<>]+"), r"\1=…"),
    (re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?)[^\r\n,\"']+"), r"\1…"),
    (re.compile(r"(?i)\b(oauth|bearer|basic)\s+[\w.~+/|%=-]{6,}"), r"\1 …"),
    (re.compile(r"(?i)MLY(\||%7C)[\w|%.-]+"), "MLY|…"),
    (re.compile(r"://[^/\s@\"']+@"), "://…@"),
)
"""What must not be seen: tokens in addresses and headers, passwords of proxies."""


def user_agent() -> str:
    """How we name ourselves to every server: program, version, purpose, and whom to write to.

    GEOFLOOD_CONTACT is an address of whoever runs it. Raises UsageError for one that no header may hold.
    """
    contact = os.environ.get("GEOFLOOD_CONTACT", "").strip()
    if not re.fullmatch(r"[!-'*-~ ]{0,200}", contact):
        raise UsageError("GEOFLOOD_CONTACT is no address", "give a mail address or a URL, in plain letters")
    return f"geoflood/{__version__} (finds where flood photos were taken; contact: {contact or 'not given'})"


def offline() -> bool:
    """Whether GEOFLOOD_OFFLINE forbids every connection."""
    return os.environ.get("GEOFLOOD_OFFLINE", "") not in ("", "0")


def refuse_offline(host: str) -> None:
    """Raises NetworkError where GEOFLOOD_OFFLINE forbids to ask `host`."""
    if offline():
        raise NetworkError(f"GEOFLOOD_OFFLINE is set, so {host} is not asked", "unset it to download")


def retry_after_s(response: httpx.Response) -> float | None:
    """Seconds that a server asks to wait, in either form of the header; None when it does not say."""
    asked = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", asked, re.ASCII):
        return float(asked)
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def is_web_page(content_type: str, body: bytes = b"") -> bool:
    """Whether an answer is HTML, by its name or by how it begins."""
    return content_type.strip().lower().startswith(("text/html", "application/xhtml")) or bool(
        re.match(rb"\s*(<!doctype html|<html)", body[:200], re.IGNORECASE)
    )


def leaves_https(here: httpx.URL, there: httpx.URL) -> bool:
    """Whether going from one address to the other gives up encryption."""
    return here.scheme == "https" != there.scheme


def reason_of(error: Exception) -> str:
    """An exception in a few words, without secrets; httpx leaves some of them empty."""
    return redact(str(error)) or type(error).__name__


def redact(text: str, *secrets: str) -> str:
    """The text without what it must not tell: these secrets, however written, and whatever looks like one."""
    for secret in filter(None, secrets):
        for written in {secret, quote(secret, safe=""), quote(secret)}:
            text = text.replace(written, "…")
    for pattern, harmless in _SECRETS:
        text = pattern.sub(harmless, text)
    return text


class _Redacting(logging.Filter):
    """Takes secrets out of what httpx logs of each request, which -v shows."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


_redacting = _Redacting()


def hide_secrets_in_logs() -> None:
    """Make httpx log addresses without tokens; doing it again changes nothing."""
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_redacting)
