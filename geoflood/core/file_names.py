"""Names of files as tables and posts write them, and as systems keep them: one file by several spellings."""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import unquote

__all__ = ["NOT_IN_A_PATH", "plain", "spellings", "unescaped"]

NOT_IN_A_PATH = re.compile("[\x00-\x1f\ud800-\udfff]")
"""An open quote makes one cell of many lines, and JSON can hold half characters: neither is a path."""

_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,31}\d{0,2});", re.IGNORECASE | re.ASCII)


def plain(name: str) -> str:
    """A name without what systems make of it: capitals, back slashes, accents apart from their letters."""
    return unicodedata.normalize("NFC", name).lower().replace("\\", "/")


def unescaped(text: str) -> str:
    """A text without the entities that web pages need. The &copy of an address ?a=1&copy=2 is none."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def spellings(name: str) -> tuple[str, ...]:
    """The paths that a written name can mean, the likeliest first."""
    address = re.match(r"file:/+", name.replace("\\", "/"), re.IGNORECASE)
    if address:
        path = unquote(name[address.end() :])
        found = [path if re.match(r"[A-Za-z]:", path) else f"/{path}"]
    else:
        found = [name, unescaped(name)]
        found += [unquote(one) for one in found if "%" in one]
    found += [one.replace("\\", "/") for one in found]
    return tuple(one for one in dict.fromkeys(found) if one and not NOT_IN_A_PATH.search(one))
