"""Links that licences ask for: to the image's own page, and to the licence's text."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from geoflood.core.datatypes import Reference

__all__ = ["credit_links", "licence_link", "web_link"]

_CREATIVE_COMMONS = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-(\d\.\d)", re.IGNORECASE)
_OTHERS = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "etalab-2.0": "https://spdx.org/licenses/etalab-2.0.html",
    "odbl-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
}
_LONGEST = 500


def licence_link(licence: str) -> str:
    """Where the text of a licence, named as SPDX does, can be read; empty for one that is not known."""
    if known := _CREATIVE_COMMONS.fullmatch(licence):
        return f"https://creativecommons.org/licenses/{known[1].lower()}/{known[2]}/"
    return _OTHERS.get(licence.lower(), "")


def web_link(link: str) -> str:
    """A foreign link that may be put into a page: https or http, in plain characters; else empty."""
    if len(link) > _LONGEST or not re.fullmatch(r"[!-~]+", link) or re.search(r"[<>\"'`\\]", link):
        return ""
    try:
        split = urlsplit(link)
        usable = split.scheme in ("http", "https") and bool(split.hostname) and "@" not in split.netloc
    except ValueError:
        return ""
    return link if usable else ""


def credit_links(reference: Reference) -> list[tuple[str, str]]:
    """(words, link) of an image's page and of its licence, as far as there are any."""
    links = (("its page", web_link(reference.link)), ("its licence", licence_link(reference.licence)))
    return [(words, link) for words, link in links if link]
