"""Chats of WhatsApp from phones of many countries: the day, the hour, and what is not known of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.triage.posts.whatsapp import GUESSED, PHONE
from geoflood.triage.posts.whatsapp_dates import order_of
from tests.support.post_folder import JPEG, media_files, read_posts, write_folder

DAY = datetime(2021, 7, 14, 18, 23)
FILE = "IMG-20210714-WA0001.jpg"


@pytest.mark.parametrize(
    "line",
    [
        "[14.07.21, 18:23:00] Anna: \u200e<Anhang: {}>",
        "14.07.21, 18:23 - Anna: {} (Datei angehängt)",
        "14.07.21, 6:23 nachm. - Anna: {} (Datei angehängt)",
        "[7/14/21, 6:23:00\u202fPM] Anna: \u200e<attached: {}>",
        "7/14/21, 6:23\u202fPM - Anna: {} (file attached)",
        "14/07/2021, 18:23 - Anna: {} (file attached)",
        "14/07/21, 6:23 pm - Anna: {} (file attached)",
        "14/7/21 18:23 - Anna: {} (archivo adjunto)",
        "14/07/21 6:23 p.\u00a0m. - Anna: {} (archivo adjunto)",
        "14/07/2021 à 18:23 - Anna : {} (fichier joint)",
        "[14/07/2021 18:23:00] Anna: <pièce jointe : {}>",
        "2021-07-14 18 h 23 - Anna: {} (fichier joint)",
        "[14/07/21, 18:23:00] Anna: <allegato: {}>",
        "14-07-2021 18:23 - Anna: {} (bestand bijgevoegd)",
        "2021-07-14 18:23 - Anna: {} (bifogad fil)",
        "14. 7. 2021 18:23 - Anna: {} (soubor přiložen)",
        "14. 7. 2021 6:23 odp. - Anna: {} (soubor přiložen)",
        "2021. 07. 14. 18:23 - Anna: {} (csatolt fájl)",
        "2021. 07. 14. du. 6:23 - Anna: {} (csatolt fájl)",
        "14.7.2021 klo 18.23 - Anna: {} (tiedosto liitetty)",
        "14/07/21 18.23 - Anna: {} (file terlampir)",
        "2021/07/14 18:23 - Anna: {} (添付ファイル)",
        "[2021/07/14 18:23:00] Anna: <添付ファイル: {}>",
        "2021년 7월 14일 오후 6:23, Anna : {} (파일 첨부됨)",
        "[2021. 7. 14. 오후 6:23:00] Anna: <첨부: {}>",
        "[2021/7/14 下午6:23:00] Anna: <附件：{}>",
        "2021/7/14 下午6:23 - Anna: {} (檔案已附加)",
        "2021/7/14 晚上6:23 - Anna: {} （文件附件）",
        "١٤\u200f/٧\u200f/٢٠٢١، ٦:٢٣ م - Anna: {} (الملف مرفق)",
        "14.7.2021, 18:23 - Anna: {} (קובץ מצורף)",
        "14.07.2021, 18:23 - Anna: {} (файл добавлен)",
        "১৪/৭/২১, ৬:২৩ PM - Anna: {} (file)",
        "14.07.21 г., 18:23 ч. - Anna: {} (file)",
        "[14.07.2021 18.23.00] Anna: <vedhæftet: {}>",
        "14/7/21, 6:23 μ.μ. - Anna: {} (συνημμένο)",
        "14/07/21, 18:23:00: Anna: {} <attached>",
    ],
)
def test_a_message_of_any_country(tmp_path: Path, line: str) -> None:
    chat = line.format(FILE) + "\nhelp water\n"
    (post,), tally = read_posts(write_folder(tmp_path, {"_chat.txt": chat, FILE: JPEG}))
    assert (post.layout, post.author, post.text) == ("WhatsApp", "Anna", "help water")
    assert (post.posted_at, post.clock, media_files(post)) == (DAY, PHONE, [FILE])
    assert not tally.rejected


@pytest.mark.parametrize("half", ["vorm.", "π.μ.", "上午", "오전", "ص", "am", "a. m."])
def test_the_morning_is_no_evening(tmp_path: Path, half: str) -> None:
    posts, _ = read_posts(write_folder(tmp_path, {"_chat.txt": f"14.07.21, 12:05 {half} - A: x\n"}))
    assert posts[0].posted_at == datetime(2021, 7, 14, 0, 5)


def test_an_hour_whose_half_is_not_known_is_left_out(tmp_path: Path) -> None:
    posts, _ = read_posts(
        write_folder(tmp_path, {"_chat.txt": "14.07.21, 6:23 foo - A: x\n14.07.21, 18:23 foo - A: y\n"})
    )
    assert [(post.posted_at, post.clock) for post in posts] == [(None, ""), (DAY, PHONE)]


JULY, APRIL = datetime(2021, 7, 4, 18, 23), datetime(2021, 4, 7, 18, 23)


@pytest.mark.parametrize(
    ("chat", "at", "clock"),
    [
        ("7/4/21, 18:23 - A: hi\n", APRIL, GUESSED),
        ("7/4/21, 6:23 PM - A: hi\n", JULY, GUESSED),
        ("7/4/21, 18:23 - A: IMG-20210704-WA0001.jpg (file attached)\n", JULY, PHONE),
        ("7/4/21, 6:23 PM - A: IMG-20210407-WA0001.jpg (file attached)\n", APRIL, PHONE),
        ("[7/4/21, 18:23:00] A: <attached: 00000012-PHOTO-2021-07-04-18-23-00.jpg>\n", JULY, PHONE),
        ("7/4/21, 18:23 - A: x.jpg (archivo adjunto)\n", APRIL, PHONE),
        ("7/4/21, 18:23 - A: hi\n7/20/21, 18:23 - A: hi\n", JULY, PHONE),
        (
            "7/4/21, 18:23 - A: hi\n" + "7/4/21, 18:23 - A: hi\n" * 5000 + "7/20/21, 18:23 - A: hi\n",
            JULY,
            PHONE,
        ),
        ("7/4/21, 18:23 - A: hi\n7/11/21, 18:23 - A: hi\n8/2/21, 18:23 - A: hi\n", JULY, PHONE),
        ("7/4/21, 18:23 - A: hi\n2/5/21, 18:23 - A: hi\n", APRIL, PHONE),
        ("7-4-2021 18:23 - A: hi\n", APRIL, PHONE),
        ("7.4.21, 18:23 - A: hi\n", APRIL, PHONE),
    ],
)
def test_which_number_is_the_day(tmp_path: Path, chat: str, at: datetime, clock: str) -> None:
    posts, _ = read_posts(write_folder(tmp_path, {"_chat.txt": chat}))
    assert (posts[0].posted_at, posts[0].clock) == (at, clock)


def test_what_is_no_photo(tmp_path: Path) -> None:
    chat = "14.07.21, 18:23 - A: {} (Datei angehängt)\n"
    names = [
        "STK-20210714-WA0001.webp",
        "VID-20210714-WA0002.mp4",
        "00000013-STICKER-2021-07-14-18-23-00.webp",
    ]
    stickers = {name: JPEG for name in names if "ST" in name}
    posts, tally = read_posts(
        write_folder(tmp_path, {"_chat.txt": "".join(map(chat.format, names)), **stickers})
    )
    assert [media_files(post) for post in posts] == [[], [], []]
    assert tally.lines() == [
        "WhatsApp: 3 posts with 0 pictures",
        "left out: 2 × sticker",
    ]


def test_a_chat_that_is_not_understood_is_told(tmp_path: Path) -> None:
    chat = "le 14 juillet, Anna: help\n"
    _, tally = read_posts(
        write_folder(tmp_path, {"_chat.txt": chat, "WhatsApp Chat with B.txt": chat, "readme.txt": chat})
    )
    assert tally.rejected == {"not recognised": 2}


@given(
    st.lists(st.dates(datetime(2000, 1, 1).date(), datetime(2099, 12, 31).date()), min_size=1), st.booleans()
)
def test_a_sure_order_is_the_right_one(days: list[object], month_first: bool) -> None:
    form = "{0.month}/{0.day}/{0:%y}" if month_first else "{0.day}/{0.month}/{0:%y}"
    order = order_of(form.format(day) + ", 18:23 - A: hi" for day in sorted(days, key=str))
    assert not order.sure or order.month_first == month_first
