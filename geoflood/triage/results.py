"""What a batch found so far, out of its journal: one finding a photo, read when it is asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from geoflood.core.datatypes import Outcome, Rejected
from geoflood.core.errors import InputError
from geoflood.triage.codec import (
    clocks_from,
    decision_from,
    geotag_from,
    located_from,
    post_from,
    time_from,
    words_from,
)
from geoflood.triage.findings import Decision, Finding, Medium, Post, Status
from geoflood.triage.journal import NAME, JournalLine, line_at, read_journal

__all__ = ["Results", "read_results"]

BARE = "bare images"
"""The layout of pictures that no post spoke of: once one does, it speaks for them."""
_LATE = datetime.max.isoformat()
"""Sorts a post without a time behind all others."""


class Results:
    """A journal's lines by photo: their places in the file are held, not what they say.

    It follows a journal that is read or written: `take` is handed every line.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first: dict[str, Any] = {}
        """The first run's line."""
        self.run: dict[str, Any] = {}
        """The latest run's line."""
        self.models: list[dict[str, str]] = []
        """Builds of the model that were asked."""
        self.kinds: Counter[str] = Counter()
        """Lines of the journal."""
        self.head = ""
        """SHA-256 of its last line."""
        self.decision_lines: list[JournalLine] = []
        self.decisions: defaultdict[str, list[Decision]] = defaultdict(list)
        """Every decision that was ever merged, by photo."""
        self.provisional: dict[str, float] = {}
        """Photos that only the search has spoken of, and the evidence that would change each, nats."""
        self._outcomes: dict[str, Outcome] = {}
        self._rejected: list[int] = []
        self._settled: dict[tuple[str, str], int] = {}
        self._left_out: dict[str, dict[str, Any]] = {}
        self._located: dict[str, int] = {}
        self._photos: dict[str, tuple[str, int]] = {}
        self._posts: dict[str, tuple[str, int, tuple[str, ...]]] = {}
        self._words: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._located)

    def __iter__(self) -> Iterator[Finding]:
        """Every located photo, the earliest posted first; numbers stay when nothing is added."""
        posts = self._posts_by_photo()
        first = {sha: min(posts.get(sha, [(_LATE, 0)])) for sha in self._located}
        with (self.folder / NAME).open("rb") as file:
            for number, sha in enumerate(sorted(self._located, key=lambda sha: (first[sha], sha)), 1):
                yield self._finding(file, number, sha, posts.get(sha, []))

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many photos have which, by the machine."""
        return Counter(self._outcomes.values())

    @property
    def waiting(self) -> frozenset[str]:
        """Photos that are to be re-ranked yet: what a person has decided on stays as it is."""
        return frozenset(sha for sha in self.provisional if not self._decided(sha))

    def located_line(self, sha: str) -> dict[str, Any]:
        """The journal line that holds a photo's result."""
        with (self.folder / NAME).open("rb") as file:
            return line_at(file, self._located[sha])

    def posts(self) -> Iterator[tuple[str, Post]]:
        """Every post with its key in the journal, in the order in which they came; read when asked for."""
        with (self.folder / NAME).open("rb") as file:
            for key, (_, start, _) in sorted(self._posts.items(), key=lambda one: one[1][1]):
                yield key, post_from(line_at(file, start)["post"], ())

    def rejections(self) -> Iterator[Rejected]:
        """What could not be used, as it was met, but for what a later run could; then what is left out."""
        with (self.folder / NAME).open("rb") as file:
            for start in self._rejected:
                content = line_at(file, start)
                if self._settled.get((content["location"], content["reason"]), -1) < start:
                    yield Rejected(*(str(content[name]) for name in ("location", "reason", "detail")))
        for kind, told in self._left_out.items():
            more = f" and {told['count'] - 1:,} more" if told["count"] > 1 else ""
            yield Rejected(f"{told['first']}{more}", f"left out: {kind}")

    def take(self, line: JournalLine) -> None:
        """Take in a line. Raises InputError for one that was not written here."""
        content, self.head = line.content, line.sha256
        self.kinds[line.kind] += 1
        try:
            match line.kind:
                case "run":
                    self.first, self.run = self.first or content, content
                    model = content["settings"].get("model")
                    self.models += [model] if model and model not in self.models else []
                case "rejected":
                    self._rejected.append(line.start)
                case "settled":
                    self._settled[content["location"], content["reason"]] = line.start
                case "left out":
                    self._left_out = content["kinds"]
                case "photo":
                    self._photos[content["sha256"]] = (content["same_as"] or content["sha256"], line.start)
                case "located":
                    self._located[content["sha256"]] = line.start
                    self._outcomes[content["sha256"]] = Outcome(content["located"]["outcome"])
                    self.provisional.pop(content["sha256"], None)
                    if (evidence := content.get("provisional")) is not None:
                        self.provisional[content["sha256"]] = evidence
                case "decision":
                    self.decisions[content["sha256"]].append(decision_from(content["decision"]))
                    self.decision_lines.append(line)
                case "post":
                    shown = tuple(medium["sha256"] for medium in content["media"] if medium["sha256"])
                    self._posts[content["key"]] = (content["post"].get("posted_at", _LATE), line.start, shown)
                    self._words.pop(content["key"], None)
                case "words":
                    self._words[content["key"]] = line.start
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.folder / NAME}: line {line.number} lacks {error}") from error

    def _standing(self, sha: str) -> Decision | None:
        """Of the decisions about a photo the one that counts."""
        return max(self.decisions.get(sha, ()), key=lambda made: made.rank, default=None)

    def _decided(self, sha: str) -> bool:
        decision = self._standing(sha)
        return decision is not None and decision.status is not Status.CANDIDATE

    def _posts_by_photo(self) -> dict[str, list[tuple[str, int]]]:
        """For each located photo the posts that show it or its like: (time, place in the file)."""
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for posted_at, start, shown in self._posts.values():
            for sha in {self._photos[sha][0] for sha in shown if sha in self._photos}:
                found[sha].append((posted_at, start))
        return found

    def _post(self, file: BinaryIO, line: dict[str, Any]) -> Post:
        """The post of a line, with its media and the places that its words name."""
        media = tuple(Medium(medium["name"], file=medium["file"]) for medium in line["media"])
        post = post_from(line["post"], media)
        found = self._words.get(line["key"])
        return post if found is None else replace(post, words=words_from(line_at(file, found)["words"]))

    def _finding(self, file: BinaryIO, number: int, sha: str, posts_at: list[tuple[str, int]]) -> Finding:
        content = line_at(file, self._located[sha])
        photo = line_at(file, self._photos[sha][1])
        lines = [line_at(file, start) for _, start in sorted(posts_at, key=itemgetter(0))]
        told_of = [line for line in lines if line["post"]["layout"] != BARE] or lines
        told = [self._post(file, line) for line in reversed(told_of)]
        posts = {_identity(post): post for post in told}
        copies = {
            medium["sha256"] + medium["file"]
            for line in lines
            for medium in line["media"]
            if medium["sha256"] and self._photos.get(medium["sha256"], ("",))[0] == sha
        }
        return Finding(
            number,
            sha,
            photo["file"],
            located_from(content["located"]),
            tuple(reversed(posts.values())),
            geotag_from(photo["exif"]),
            max(1, len(copies)),
            content["narrowed"],
            self._standing(sha),
            _taken_at(photo),
            clocks_from(photo.get("clocks")),
            sha in self.provisional and not self._decided(sha),
        )


def read_results(folder: Path) -> Results:
    """What a folder's journal holds. Raises InputError when there is none, or it was altered."""
    results = Results(folder)
    for line in read_journal(folder):
        results.take(line)
    return results


def _taken_at(photo: Mapping[str, Any]) -> datetime | None:
    """By EXIF; earlier versions kept a time only beside a position."""
    return time_from(photo.get("taken_at") or (photo["exif"] or {}).get("taken_at"))


def _identity(post: Post) -> tuple[str, ...]:
    """The same post out of two exports is one; without an id each is its own."""
    return (post.id, post.text) if post.id else (post.source, post.author, str(post.posted_at), post.text)
