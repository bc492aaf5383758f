"""What an X archive keeps apart from its tweets: whose they are, and the long form of those it cuts."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from geoflood.core.datatypes import Rejected
from geoflood.triage.findings import Post
from geoflood.triage.posts.safe_values import dig, ident, prose
from geoflood.triage.posts.text_files import Record

__all__ = ["NAMES", "ArchiveExtras", "companions"]

NAMES = re.compile(r"(?:account|note-tweet(?:-part\d+)?)\.js", re.ASCII)
"""Of the files beside tweets.js."""
MAX_NOTES = 30_000_000
"""Characters of long tweets that are kept; later ones stay cut."""
_OPENING = 100
"""Characters in which a tweet and its long form must agree at least: a cut one keeps 270."""
_END = 200
"""Characters in which the mark of a cut, and the addresses behind it, stand."""
_CUT = re.compile(r"(?:…|\s+https://t\.co/\w+)+\s*$")


@dataclass(frozen=True, slots=True)
class ArchiveExtras:
    """Of one archive."""

    username: str = ""
    notes: Mapping[str, list[str]] = field(default_factory=dict)
    """Long tweets by their first _OPENING characters."""

    def of(self, post: Post) -> Post:
        """The tweet with its author, and whole."""
        return replace(post, author=post.author or self.username, text=self._whole(post.text))

    def _whole(self, text: str) -> str:
        cut = html.unescape(text[:-_END] + _CUT.sub("", text[-_END:]))
        there = [note for note in self.notes.get(cut[:_OPENING], ()) if note.startswith(cut)]
        return there[0] if len(there) == 1 and len(cut) >= _OPENING else text


def companions(records: Iterable[Record | Rejected]) -> ArchiveExtras:
    """What the items of account.js and note-tweet.js tell."""
    username, notes, size = "", defaultdict[str, list[str]](list), 0
    for record in records:
        if isinstance(record, Rejected):
            continue
        username = username or ident(dig(record, "account", "username"))
        text = html.unescape(prose(dig(record, "noteTweet", "core", "text")))
        if text and (size := size + len(text)) <= MAX_NOTES:
            notes[text[:_OPENING]].append(text)
    return ArchiveExtras(username, notes)
