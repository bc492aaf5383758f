"""Text that XML can carry, whatever a stranger wrote."""

from __future__ import annotations

import re

__all__ = ["xml_text"]

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(value: object) -> str:
    """A value as text that XML can carry."""
    return "" if value is None else _NO_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
