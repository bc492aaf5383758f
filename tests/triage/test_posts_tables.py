"""Tables as people and their programs write them: open quotes, named marks, times in any order."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geoflood.core.datatypes import Rejected
from geoflood.core.tables import TableHeader, rows
from geoflood.triage.findings import Post
from geoflood.triage.posts.times import moment, when
from tests.support.post_folder import (
    JPEG,
    TWEET,
    TWEET_TIME,
    media_files,
    only_post,
    read_all,
    read_posts,
    write_folder,
)

CRISIS = "tweet_id\timage_id\ttweet_text\timage_url\timage_path\n"


@pytest.mark.parametrize(
    "text", ['"Unbalanced quote starts Houston', 'ends with one"', '"', '"a" b', '"whole"', '""', "'"]
)
@pytest.mark.parametrize("at", range(3))
def test_crisismmd_loses_no_row_to_quotes(tmp_path: Path, text: str, at: int) -> None:
    texts = ["one", "two", "three"]
    texts[at] = text
    rows = "".join(
        f"90527423259000422{n}\t9_{n}\t{one}\thttp://x\td/{n}.jpg\n" for n, one in enumerate(texts)
    )
    posts, tally = read_posts(write_folder(tmp_path, {"a.tsv": CRISIS + rows}))
    assert [post.media[0].name for post in posts] == ["d/0.jpg", "d/1.jpg", "d/2.jpg"]
    assert posts[at].text == {'"whole"': "whole", '""': ""}.get(text, text)
    assert not tally.rejected


def test_a_quote_left_open_costs_nothing_and_is_told(tmp_path: Path) -> None:
    rows = "".join(f"a{n}.jpg,{'t' * 100}\n" for n in range(3000))
    posts, tally = read_posts(write_folder(tmp_path, {"x.csv": f'image,text\nb.jpg,"open\n{rows}'}))
    assert len(posts) == 3001
    assert posts[0].text == '"open'
    assert tally.rejected == {"quote left open": 1}


@pytest.mark.parametrize(
    "lines",
    [
        ['a.jpg,"open', "b.jpg,two", "c.jpg,three"],
        ['a.jpg,"open', 'b.jpg,"also', 'c.jpg,three"'],
        ['a.jpg,"open', 'b.jpg,ends with one"', "c.jpg,three"],
        ["a.jpg,one", "b.jpg,two", 'c.jpg,"open'],
        ['a.jpg,"open', 'b.jpg,"closed"', "c.jpg,three"],
    ],
)
def test_rows_behind_an_open_quote(tmp_path: Path, lines: list[str]) -> None:
    posts, tally = read_posts(write_folder(tmp_path, {"x.csv": "\n".join(["image,text", *lines])}))
    assert [post.media[0].name for post in posts] == ["a.jpg", "b.jpg", "c.jpg"]
    assert tally.rejected["quote left open"] >= 1


@pytest.mark.parametrize(
    "rows",
    [
        [["image", "text"], ["a.jpg", "water, mud\nand more, much more"], ["b.jpg", "ok"]],
        [["text", "image"], ["line one\nline two", "a.jpg"], ["x\n\ny", "b.jpg"]],
        [["image", "text", "note"], ["a.jpg", 'he said "go"\nand left', "1"], ["b.jpg", "", "2"]],
    ],
)
def test_a_cell_may_run_over_lines(tmp_path: Path, rows: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    posts, tally = read_posts(write_folder(tmp_path, {"x.csv": written.getvalue()}))
    at, name = rows[0].index("text"), rows[0].index("image")
    assert [post.text.split() for post in posts] == [row[at].split() for row in rows[1:]]
    assert [post.media[0].name for post in posts] == [row[name] for row in rows[1:]]
    assert not tally.rejected


@given(st.lists(st.text('a,"\n ;', max_size=12), min_size=1, max_size=5))
@example(['x","', 'x","', '"'])
def test_well_written_tables_come_back_whole(tmp_path: Path, texts: list[str]) -> None:
    written = io.StringIO()
    table = csv.writer(written, quoting=csv.QUOTE_ALL)
    table.writerows([["image", "text"], *([f"{n}.jpg", text] for n, text in enumerate(texts))])
    found = read_all(write_folder(tmp_path, {"x.csv": written.getvalue()}))
    posts = [one for one in found if isinstance(one, Post)]
    assert [post.media[0].name for post in posts] == [f"{n}.jpg" for n in range(len(texts))]
    assert [post.text.split() for post in posts] == [text.split() for text in texts]


@given(st.lists(st.text('a" \t', max_size=8), min_size=1, max_size=6))
def test_no_line_is_lost_whatever_its_quotes(tmp_path: Path, texts: list[str]) -> None:
    rows = "".join(f"{n}.jpg;{text}\n" for n, text in enumerate(texts))
    found = read_all(write_folder(tmp_path, {"x.csv": "image;text\n" + rows}))
    names = [medium.name for one in found if isinstance(one, Post) for medium in one.media]
    assert names == [f"{n}.jpg" for n in range(len(texts))]


@pytest.mark.parametrize("line", ['x","\n', 'x,"\n', '"""\n', ',"a,"b\n'])
def test_lines_that_each_open_a_quote_cost_no_more_than_others(line: str) -> None:
    count = 15_000
    header = TableHeader(1, ",", '"', ("image", "text"))
    tracemalloc.start()
    try:
        told = Counter(
            type(one) for one in rows(io.StringIO("image,text\n" + line * count), header, lambda _: False)
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told.total() >= count / 2
    assert peak < 15_000_000


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_first_line_that_names_the_mark(tmp_path: Path, first: str) -> None:
    post = only_post(
        write_folder(tmp_path, {"a.jpg": JPEG, "x.csv": f"{first}\r\nImage;Text\r\na.jpg;hi, you\r\n"})
    )
    assert (post.layout, post.text, media_files(post)) == ("CSV manifest", "hi, you", ["a.jpg"])


def test_a_table_of_one_column(tmp_path: Path) -> None:
    posts, tally = read_posts(
        write_folder(tmp_path, {"a,b.jpg": JPEG, "c.jpg": JPEG, "x.csv": "image\na,b.jpg\nc.jpg\n"})
    )
    assert [media_files(post) for post in posts] == [["a,b.jpg"], ["c.jpg"]]
    assert tally.lines() == ["CSV manifest: 2 posts with 2 pictures"]


def test_our_own_table_is_no_manifest(tmp_path: Path) -> None:
    head = "photo,outcome,lat,lon,accuracy_m,probability,radius_50_m,radius_90_m\n"
    _, tally = read_posts(
        write_folder(tmp_path, {"a.jpg": JPEG, "located.csv": head + "a.jpg,located,1,2,3,4,5,6\n"})
    )
    assert tally.lines() == [
        "bare images: 1 picture that no post speaks of",
        "not used: 1 × not recognised",
    ]


# ---- times

EVENING = datetime(2021, 7, 14, 18, 23)


@pytest.mark.parametrize(
    ("told", "at", "clock"),
    [
        ("2021-07-14T18:23:00Z", EVENING, ""),
        ("2021-07-14T20:23:00+02:00", EVENING, ""),
        ("2021-07-14 18:23:00 UTC", EVENING, ""),
        (1626286980, EVENING, ""),
        ("1626286980000", EVENING, ""),
        ("Wed, 14 Jul 2021 20:23:00 +0200", EVENING, ""),
        ("14 Jul 2021 18:23 GMT", EVENING, ""),
        ("2021-07-14 18:23", EVENING, "a clock of unknown time zone"),
        ("20210714182300", EVENING, "a clock of unknown time zone"),
        ("14/07/2021 18:23", EVENING, "a clock of unknown time zone"),
        ("14.07.2021 18:23", EVENING, "a clock of unknown time zone"),
        ("14.7.21, 18:23:00", EVENING, "a clock of unknown time zone"),
        ("07/14/2021 6:23 PM", EVENING, "a clock of unknown time zone"),
        ("7/14/2021, 6:23:00 p.m.", EVENING, "a clock of unknown time zone"),
        ("04.07.2021 18:23", datetime(2021, 7, 4, 18, 23), "a clock of unknown time zone"),
        ("07/07/2021 12:23 AM", datetime(2021, 7, 7, 0, 23), "a clock of unknown time zone"),
        ("20210714", datetime(2021, 7, 14), "a date without a time"),
        ("2021-07-14", datetime(2021, 7, 14), "a date without a time"),
        ("14.07.2021", datetime(2021, 7, 14), "a date without a time"),
        ("04/07/2021 18:23", None, ""),
        ("04/07/2021 6:23 PM", None, ""),
        ("14/13/2021 18:23", None, ""),
        ("14/07/2021 13:23 PM", None, ""),
        ("14/07/21 18:23", None, ""),
        ("Wed, 14 Foo 2021 20:23:00 +0200", None, ""),
    ],
)
def test_times_of_manifests(told: object, at: datetime | None, clock: str) -> None:
    assert when(None, "", told) == (at, clock)
    assert moment(told) == at


def test_the_first_time_that_can_be_read(tmp_path: Path) -> None:
    told = {"image": "a.jpg", "timestamp": "soon", "upload_date": "20210714"}
    post = only_post(write_folder(tmp_path, {"a.jpg": JPEG, "m.jsonl": [told]}))
    assert (post.posted_at, post.clock) == (datetime(2021, 7, 14), "a date without a time")


def test_times_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    rows = "a.jpg,04/07/2021 18:23\nb.jpg,05/07/2021 18:23\nc.jpg,\nd.jpg,14/07/2021 18:23\n"
    found = read_all(write_folder(tmp_path, {"x.csv": "image,date\n" + rows}))
    (told,) = [one for one in found if isinstance(one, Rejected) and one.reason == "time not read"]
    assert told.detail.startswith("2 of 4 times, such as 04/07/2021 18:23")


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ({"tweet_id": TWEET}, TWEET_TIME),
        ({"id": "5", "tweet_id": TWEET}, TWEET_TIME),
        ({"id": TWEET, "platform": "Twitter"}, TWEET_TIME),
        ({"id": TWEET, "category": "twitter"}, TWEET_TIME),
        ({"url": f"https://x.com/ana/status/{TWEET}?s=20"}, TWEET_TIME),
        ({"id": TWEET}, None),
        ({"id": TWEET, "platform": "facebook"}, None),
        ({"post_id": TWEET}, None),
        ({"id": TWEET, "url": "https://evil.example/x.com/ana/status/" + TWEET}, None),
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_only_an_id_of_x_tells_a_time(
    tmp_path: Path, told: dict[str, str], at: datetime | None, beside: bool
) -> None:
    name, record = ("a.json", told) if beside else ("m.jsonl", [told | {"image": "a.jpg"}])
    assert only_post(write_folder(tmp_path, {"a.jpg": JPEG, name: record})).posted_at == at
