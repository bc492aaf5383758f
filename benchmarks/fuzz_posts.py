"""Feeds the readers of posts with damaged and made-up input: python -m benchmarks.fuzz_posts [--runs 10000].

Every input is a folder of its own, made from a seed: --first SEED --runs 1 makes it again. Prints what was
read; a reader that raises ends the run with its seed, one that takes over a second is told.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from geoflood.triage.findings import Post
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder

SLOW_S = 1.0
SEEDS: dict[str, Any] = {
    "page.json": {
        "data": [
            {
                "id": "1415409600000000001",
                "text": "t",
                "attachments": {"media_keys": ["3_1"]},
                "geo": {"place_id": "p"},
            }
        ],
        "includes": {
            "media": [{"media_key": "3_1", "type": "photo", "url": "https://x/a.jpg"}],
            "places": [{"id": "p", "geo": {"bbox": [-95.8, 29.5, -95.0, 30.1]}}],
        },
    },
    "tweets.js": 'window.YTD.tweets.part0 = [ {"tweet": {"id": "1", "full_text": "x"}} ]',
    "v1.jsonl": {
        "id_str": "1",
        "full_text": "x",
        "extended_entities": {"media": [{"media_url_https": "https://x/a.jpg"}]},
    },
    "result.json": {
        "messages": [
            {"id": 1, "type": "message", "date": "2021-07-14T18:00:00", "text": ["a", {"text": "b"}]}
        ]
    },
    "_chat.txt": "[14.07.21, 18:03:11] Ana: <attached: a.jpg>\n[14.07.21, 18:04:11] Bo: where?\nthere\n",
    "outbox.json": {
        "orderedItems": [
            {"type": "Create", "actor": "a", "object": {"content": "<p>x", "attachment": [{"url": "a.jpg"}]}}
        ]
    },
    "bsky.jsonl": {
        "post": {
            "uri": "at://1",
            "record": {"text": "x", "embed": {"images": [{"image": {"ref": {"$link": "a"}}}]}},
        }
    },
    "crisis.tsv": "tweet_id\timage_id\timage_path\ttweet_text\n1415409600000000001\t1_0\ta.jpg\tx\n",
    "archiver.csv": "status,metadata,media\nok,\"{'title': 'x'}\",\"[{'filename': 'a.jpg'}]\"\n",
    "list.csv": 'image,text,lat,lon\na.jpg,"x, y",29.7,-95.3\n',
    "a.json": {"content": "sidecar", "lat": 29.7, "lon": -95.3},
}
ODD = (
    b"\0",
    b'"',
    b"\xff\xfe",
    b"{",
    b"[" * 3000,
    b"]",
    b"\n",
    b",",
    b"\xed\xa0\x80",
    b"9" * 400,
    b"null",
    b"NaN",
    b"\\ud800",
)


def damaged(dice: random.Random, content: bytes) -> bytes:
    """The content with some of it cut, doubled, flipped or replaced."""
    data = bytearray(content)
    for _ in range(dice.choice((0, 0, 0, 1, 2, 20))):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                del data[at : at + dice.randrange(1, 40)]
            case 1:
                data[at:at] = dice.choice(ODD)
            case 2 if at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            case 3:
                data[at:at] = data[: dice.randrange(1, 200)]
            case _:
                del data[at:]
    return bytes(data)


def shuffled(dice: random.Random, value: Any, depth: int = 0) -> Any:
    """The value with some of its parts replaced by parts of another kind."""
    if dice.random() < 0.08:
        return dice.choice(
            [None, True, 0, -1, 2**70, 1e308, "", "x" * 300, [], {}, [[]], {"text": {}}, "\ud800"]
        )
    if isinstance(value, dict):
        return {
            dice.choice([key, key, key, "id"]): shuffled(dice, inner, depth + 1)
            for key, inner in value.items()
        }
    return [shuffled(dice, inner, depth + 1) for inner in value] if isinstance(value, list) else value


def make(root: Path, dice: random.Random) -> None:
    """A folder with some damaged exports, loose or packed."""
    (root / "a.jpg").write_bytes(b"\xff\xd8\xff")
    chosen = dice.sample(sorted(SEEDS), dice.randrange(1, 4))
    files = {}
    for name in chosen:
        value = SEEDS[name]
        text = (
            value
            if isinstance(value, str)
            else json.dumps(shuffled(dice, value), indent=dice.choice((None, 1)))
        )
        files[name] = damaged(dice, text.encode(dice.choice(("utf-8", "utf-8", "utf-16", "utf-8-sig"))))
    if dice.random() < 0.2:
        with zipfile.ZipFile(root / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(dice.choice(("", "../", "/", "a/")) + name, content)
        (root / "x.zip").write_bytes(damaged(dice, (root / "x.zip").read_bytes()))
    else:
        for name, content in files.items():
            (root / name).write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    told: Counter[str] = Counter()
    slowest = 0.0
    for seed in range(given.first, given.first + given.runs):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), random.Random(seed))
            begun = time.perf_counter()
            try:
                with FileTree(Path(folder)) as tree:
                    for one in PostFolder(tree).posts():
                        told[one.layout if isinstance(one, Post) else f"rejected: {one.reason}"] += 1
            except BaseException:
                print(f"seed {seed}")
                raise
            spent = time.perf_counter() - begun
            slowest = max(slowest, spent)
            if spent > SLOW_S:
                print(f"seed {seed}: {spent:.1f} s")
    print(f"{given.runs} folders, slowest {slowest:.3f} s")
    for name, count in sorted(told.items()):
        print(f"{count:8,} {name}")


if __name__ == "__main__":
    main()
