"""Small folders of posts, written and read."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from geoflood.core.datatypes import Rejected
from geoflood.triage.findings import Post
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder, Tally

JPEG = b"\xff\xd8\xff\xe0 not decoded here"
TWEET = "1415409600000000001"
TWEET_TIME = datetime(2021, 7, 14, 20, 35, 20)
"""1415409600000000001 >> 22 is 337459945678; with the epoch of X, 1626294920335 ms since 1970."""
V2 = {
    "data": [
        {
            "id": TWEET,
            "text": "Brays Bayou at Main",
            "author_id": "7",
            "created_at": "2021-07-14T20:00:00.000Z",
            "attachments": {"media_keys": ["3_14100000000"]},
            "geo": {"place_id": "p1", "coordinates": {"type": "Point", "coordinates": [-95.37, 29.76]}},
        }
    ],
    "includes": {
        "media": [
            {"media_key": "3_14100000000", "type": "photo", "url": "https://pbs.twimg.com/media/E6abc.jpg"}
        ],
        "users": [{"id": "7", "username": "ana"}],
        "places": [
            {
                "id": "p1",
                "full_name": "Houston, TX",
                "geo": {"type": "Feature", "bbox": [-95.8, 29.5, -95.0, 30.1]},
            }
        ],
    },
}
V1 = {
    "id_str": TWEET,
    "full_text": "Water in <Main St>",
    "created_at": "Wed Jul 14 22:35:20 +0200 2021",
    "user": {"screen_name": "ana"},
    "coordinates": {"type": "Point", "coordinates": [-95.37, 29.76]},
    "place": {
        "full_name": "Houston, TX",
        "bounding_box": {"coordinates": [[[-95.8, 29.5], [-95.0, 29.5], [-95.0, 30.1], [-95.8, 30.1]]]},
    },
    "extended_entities": {
        "media": [{"type": "photo", "media_url_https": "https://pbs.twimg.com/media/E6abc.jpg"}]
    },
}


def write_folder(root: Path, files: dict[str, Any]) -> Path:
    """Files by name: bytes and text as they are, lists as JSON lines, the rest as JSON."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(one) + "\n" for one in content)
        if not isinstance(content, bytes | str):
            content = json.dumps(content, indent=1)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return root


def read_posts(root: Path) -> tuple[list[Post], Tally]:
    tally = Tally()
    posts = []
    with FileTree(root) as tree:
        for one in PostFolder(tree).posts():
            tally.add(one)
            if isinstance(one, Post):
                posts.append(one)
    return posts, tally


def media_files(post: Post) -> list[str]:
    return [medium.file for medium in post.media]


def only_post(root: Path) -> Post:
    posts, tally = read_posts(root)
    assert not tally.rejected
    assert len(posts) == 1
    return posts[0]


def read_all(root: Path) -> list[Post | Rejected]:
    with FileTree(root) as file_tree:
        return list(PostFolder(file_tree).posts())
