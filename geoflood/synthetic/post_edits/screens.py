"""Screens of phones that show the photo: a post, a chat."""

from __future__ import annotations

from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.core.datatypes import Box, Image
from geoflood.core.images import resize
from geoflood.synthetic.blocks import Colour
from geoflood.synthetic.lettering import font, nonsense, wrapped, write
from geoflood.synthetic.post_edits.edited import Edited, Rng, framed, posted

__all__ = ["chat", "screenshot"]

WHITE = (255, 255, 255)
ACCENTS = ((24, 119, 242), (225, 48, 108), (37, 150, 84), (120, 86, 220), (234, 88, 12), (90, 98, 110))
CHAT_GROUNDS = ((236, 229, 221), (11, 20, 26), (255, 255, 255), (226, 236, 245), (24, 26, 32))
PHONE = 19.5 / 9
"""Height of a phone's screen over its width."""


def screenshot(photo: Image, rng: Rng) -> Edited:
    """A phone's screen with a post: status bar, the app's head, the photo, buttons, text, navigation."""
    width = int(rng.integers(480, 721))
    photo = resize(photo, width, max(round(photo.shape[0] * width / photo.shape[1]), 1))
    dark = rng.random() < 0.4
    ground, ink = ((16, 17, 20), (232, 232, 236)) if dark else (WHITE, (24, 24, 28))
    unit = width / 48
    height = max(round(width * PHONE), photo.shape[0] + round(20 * unit))
    picture = Pictures.new("RGB", (width, height), ground)
    pen = ImageDraw.Draw(picture)
    status_bar(pen, width, unit, ink, rng)
    post_head(pen, 5 * unit, unit, ink, rng)
    top = round(unit * rng.uniform(10.5, 12))
    if rng.random() < 0.4:
        lines = wrapped(nonsense(rng, int(rng.integers(4, 14))), font(round(1.8 * unit)), width - 4 * unit)
        write(pen, lines, (round(2 * unit), top), ink, font(round(1.8 * unit)))
        top += round((2.43 * len(lines) + 0.8) * unit)
    box = framed(picture, photo[: height - top], (0, top))
    buttons(pen, box.bottom + unit, unit, ink, rng)
    letters = font(round(1.8 * unit))
    row = box.bottom + 6 * unit
    while row < height - 9 * unit:
        lines = wrapped(nonsense(rng, int(rng.integers(4, 26))), letters, width - 4 * unit)
        write(pen, lines, (round(2 * unit), round(row)), ink, letters)
        row += (len(lines) * 2.43 + 1.8) * unit
    navigation(picture, pen, unit, ground, ink)
    return posted(picture, [box], rng)


def chat(photo: Image, rng: Rng) -> Edited:
    """A phone's screen with a chat: bubbles of text, and the photo in one of them."""
    width = int(rng.integers(480, 721))
    unit = width / 48
    ground = CHAT_GROUNDS[int(rng.integers(len(CHAT_GROUNDS)))]
    dark = sum(ground) < 300
    ink, bubble = ((232, 232, 236), (38, 45, 52)) if dark else ((24, 24, 28), (246, 247, 249))
    wide = round(width * rng.uniform(0.62, 0.86))
    photo = resize(photo, wide, max(round(photo.shape[0] * wide / photo.shape[1]), 1))
    height = max(round(width * PHONE), photo.shape[0] + round(26 * unit))
    picture = Pictures.new("RGB", (width, height), ground)
    pen = ImageDraw.Draw(picture)
    status_bar(pen, width, unit, ink, rng)
    post_head(pen, 4.5 * unit, unit, ink, rng)
    row = bubbles(pen, round(11 * unit), round(rng.uniform(12, 24) * unit), width, bubble, ink, rng)
    left = round(1.5 * unit) if rng.random() < 0.5 else width - wide - round(1.5 * unit)
    edge = round(0.4 * unit)
    row = min(row, height - photo.shape[0] - round(8 * unit))
    box = Box(left, row, left + wide, row + photo.shape[0])
    pen.rectangle((box.left - edge, box.top - edge, box.right + edge - 1, box.bottom + edge - 1), bubble)
    framed(picture, photo, (left, row))
    bubbles(pen, box.bottom + round(1.6 * unit), height - round(8 * unit), width, bubble, ink, rng)
    navigation(picture, pen, unit, bubble, ink)
    return posted(picture, [box], rng)


def status_bar(pen: ImageDraw.ImageDraw, width: int, unit: float, ink: Colour, rng: Rng) -> None:
    """Time, signal and battery of a phone."""
    hour, minute = int(rng.integers(24)), int(rng.integers(60))
    pen.text((2 * unit, 1.2 * unit), f"{hour}:{minute:02}", ink, font(round(1.7 * unit)))
    pen.rectangle((width - 5 * unit, 1.4 * unit, width - 2 * unit, 2.8 * unit), None, ink)
    pen.rectangle((width - 5 * unit, 1.4 * unit, width - rng.uniform(2.2, 4.6) * unit, 2.8 * unit), ink)
    for bar in range(4):
        x = width - (9 - 0.8 * bar) * unit
        pen.rectangle((x, (2.4 - 0.35 * bar) * unit, x + 0.4 * unit, 2.8 * unit), ink)


def post_head(pen: ImageDraw.ImageDraw, top: float, unit: float, ink: Colour, rng: Rng) -> None:
    """Who posts: a round picture, a name, a time."""
    accent = ACCENTS[int(rng.integers(len(ACCENTS)))]
    pen.ellipse((2 * unit, top, 6 * unit, top + 4 * unit), accent)
    pen.text((7 * unit, top), nonsense(rng, 2).title(), ink, font(round(1.9 * unit)))
    pen.text(
        (7 * unit, top + 2.3 * unit),
        f"{int(rng.integers(2, 59))} min",
        (128, 130, 134),
        font(round(1.5 * unit)),
    )
    pen.text((44 * unit, top + unit), "...", ink, font(round(2 * unit)))


def buttons(pen: ImageDraw.ImageDraw, top: float, unit: float, ink: Colour, rng: Rng) -> None:
    """What one may do with a post, as small signs with counts."""
    for x in (2.5, 10.5, 18.5):
        pen.ellipse((x * unit, top, (x + 2.4) * unit, top + 2.4 * unit), None, ink, max(round(unit / 5), 1))
        pen.text(
            ((x + 3) * unit, top + 0.2 * unit), str(int(rng.integers(1, 900))), ink, font(round(1.7 * unit))
        )


def navigation(
    picture: Pictures.Image, pen: ImageDraw.ImageDraw, unit: float, ground: Colour, ink: Colour
) -> None:
    """The bar at the foot of a screen."""
    top = picture.height - 5 * unit
    pen.rectangle((0, top, picture.width, picture.height), ground)
    for at in (0.17, 0.5, 0.83):
        x = at * picture.width
        pen.rectangle(
            (x - unit, top + 1.4 * unit, x + unit, top + 3.4 * unit), None, ink, max(round(unit / 5), 1)
        )


def bubbles(
    pen: ImageDraw.ImageDraw, top: int, bottom: int, width: int, colour: Colour, ink: Colour, rng: Rng
) -> int:
    """Messages on both sides from one row to about another; the row after the last."""
    unit = width / 48
    letters = font(round(1.8 * unit))
    while top < bottom - 5 * unit:
        lines = wrapped(nonsense(rng, int(rng.integers(1, 16))), letters, width * 0.6)
        wide = max(letters.getlength(line) for line in lines) + 2.4 * unit
        high = round((len(lines) * 2.43 + 1.6) * unit)
        mine = rng.random() < 0.5
        left = width - wide - 1.5 * unit if mine else 1.5 * unit
        accent = (*ACCENTS[2],) if mine else colour
        pen.rounded_rectangle((left, top, left + wide, top + high), 1.2 * unit, accent)
        write(
            pen, lines, (round(left + 1.2 * unit), round(top + 0.7 * unit)), WHITE if mine else ink, letters
        )
        top += high + round(unit)
    return top
