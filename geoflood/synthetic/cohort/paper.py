"""Flat things that carry signs: documents, forms, charts, maps, line drawings."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import Colour, shaded
from geoflood.synthetic.cohort.brush import Canvas, Rng, fractal, photographed, random_colour, tinted
from geoflood.synthetic.lettering import font, nonsense, wrapped, write
from geoflood.synthetic.town.model import Points

__all__ = ["chart", "document", "form", "line_drawing", "street_map"]

PAPERS: tuple[Colour, ...] = ((255, 255, 255), (250, 246, 234), (238, 240, 242))
INKS: tuple[Colour, ...] = ((16, 16, 18), (38, 44, 86), (70, 60, 52))


def document(rng: Rng, width: int, height: int) -> Image:
    """A printed page in one or two columns; now and then photographed aslant on a desk."""
    paper, ink = PAPERS[int(rng.integers(3))], INKS[int(rng.integers(3))]
    page = Pictures.new("RGB", (width, height), paper)
    pen, margin = ImageDraw.Draw(page), round(width * rng.uniform(0.06, 0.12))
    title, size = font(round(width / 18)), int(rng.integers(9, 17))
    write(pen, wrapped(nonsense(rng, 6), title, width - 2 * margin)[:2], (margin, margin), ink, title)
    columns, top = int(rng.integers(1, 3)), margin + round(width / 6)
    pitch = (width - 2 * margin + 16) // columns
    for column in range(columns):
        left, row = margin + column * pitch, top
        while row < height - margin - 3 * size:
            lines = wrapped(nonsense(rng, int(rng.integers(20, 70))), font(size), pitch - 16)
            lines = lines[: max(int((height - margin - row) / (1.35 * size)), 0)]
            write(pen, lines, (left, row), ink, font(size))
            row += round(1.35 * size * len(lines) + size)
    return on_desk(page, rng) if rng.random() < 0.5 else np.asarray(page)


def on_desk(page: Pictures.Image, rng: Rng) -> Image:
    """The page as a phone sees it: turned a little, on wood, lit from one side."""
    width, height = page.size
    wood = tinted(0.5 + 0.18 * fractal(rng, width, height, 160, 0.7), ((70, 44, 26), (176, 128, 84)))
    layer = page.convert("RGBA").resize((round(width * 0.86), round(height * 0.86)))
    layer = layer.rotate(float(rng.normal(0, 5)), Pictures.Resampling.BILINEAR, expand=True)
    desk = Pictures.fromarray(wood)
    desk.paste(layer.convert("RGB"), ((width - layer.width) // 2, (height - layer.height) // 2), layer)
    light = np.linspace(0.65, 1.05, width, dtype=np.float32)[None, :: rng.choice([1, -1]), None]
    return photographed((np.asarray(desk) * light).clip(0, 255).astype(np.uint8), rng)


def form(rng: Rng, width: int, height: int) -> Image:
    """A table with a head, numbers in its cells, and boxes to tick."""
    paper, ink = PAPERS[int(rng.integers(3))], INKS[int(rng.integers(3))]
    page = Pictures.new("RGB", (width, height), paper)
    pen, letters, margin = ImageDraw.Draw(page), font(int(rng.integers(10, 15))), width // 20
    pen.text((margin, margin), nonsense(rng, 4).title(), ink, font(width // 22))
    left = np.cumsum(rng.uniform(0.6, 1.8, int(rng.integers(3, 7))))
    edges = [margin, *(margin + left / left[-1] * (width - 2 * margin)).astype(int).tolist()]
    top, pitch = margin * 3 + 12, int(rng.integers(20, 34))
    rows = int((height - top - margin) / pitch)
    head = random_colour(rng, 150, 235)
    pen.rectangle((edges[0], top, edges[-1], top + pitch), head)
    for row in range(rows + 1):
        pen.line((edges[0], top + row * pitch, edges[-1], top + row * pitch), ink)
    for edge in edges:
        pen.line((edge, top, edge, top + rows * pitch), ink)
    for row in range(rows):
        for column, edge in enumerate(edges[:-1]):
            text = nonsense(rng, 1) if row == 0 or column == 0 else f"{rng.uniform(0, 4000):.2f}"
            corner = (edge + 5, top + row * pitch + pitch // 4)
            if row and column == len(edges) - 2:
                pen.rectangle((*corner, corner[0] + 10, corner[1] + 10), head if row % 3 else ink, ink)
            elif rng.random() < 0.85:
                pen.text(corner, text, ink, letters)
    return np.asarray(page)


def chart(rng: Rng, width: int, height: int) -> Image:
    """Bars or lines over axes, with a title and numbers."""
    page = Pictures.new("RGB", (width, height), PAPERS[int(rng.integers(3))])
    pen, ink, letters = ImageDraw.Draw(page), INKS[0], font(12)
    left, right, top, foot = width // 9, width - width // 20, height // 6, height - height // 8
    pen.text((left, height // 20), nonsense(rng, 5).capitalize(), ink, font(width // 26))
    for k, y in enumerate(np.linspace(foot, top, 6)):
        pen.line((left, y, right, y), (205, 205, 208))
        pen.text((left - 8, y), str(20 * k), ink, letters, "rm")
    count = int(rng.integers(5, 12))
    xs = np.linspace(left, right, count + 1)
    for _ in range(int(rng.integers(1, 4))):
        values = np.clip(rng.uniform(0.1, 0.9) + np.cumsum(rng.normal(0, 0.15, count)), 0.03, 1.0)
        colour, tops = random_colour(rng, 20, 200), foot - values * (foot - top)
        if rng.random() < 0.5:
            for x, y in zip(xs, tops, strict=False):
                pen.rectangle((x + 4, y, x + (right - left) / count - 4, foot), colour)
        else:
            points = list(zip((xs[:-1] + xs[1:]) / 2, tops, strict=True))
            pen.line(points, colour, 3)
            for x, y in points:
                pen.ellipse((x - 4, y - 4, x + 4, y + 4), colour)
    for x in xs[:-1]:
        pen.text((x + 6, foot + 6), nonsense(rng, 1)[:6], ink, letters)
    return np.asarray(page)


def street_map(rng: Rng, width: int, height: int) -> Image:
    """Streets with names over land, parks and water, seen as on a city plan."""
    land: Colour = (242, 239, 233) if rng.random() < 0.6 else (36, 40, 48)
    noise = fractal(rng, width, height, 260, 0.35)
    ground = np.full((height, width, 3), land, np.uint8)
    ground[fractal(rng, width, height, 120, 0.3) > 1.0] = shaded((200, 224, 180), sum(land) / 714)
    ground[noise < -1.1] = shaded((168, 206, 226), sum(land) / 714)
    canvas = Canvas(width, height, ground)
    turn, reach = rng.uniform(0, math.pi), math.hypot(width, height) / 2
    for way in (turn, turn + math.pi / 2 + rng.normal(0, 0.1)):
        ahead = np.array((math.cos(way), math.sin(way)))
        across = np.array((-ahead[1], ahead[0]))
        for offset in np.arange(-reach, reach, rng.uniform(22, 44)):
            road(canvas, offset * across + np.array((width / 2, height / 2)), ahead, reach, land, rng)
    named = Pictures.fromarray(canvas.finish())
    pen, dark = ImageDraw.Draw(named), sum(land) < 300
    ink, rim = ((226, 228, 230), land) if dark else ((60, 60, 64), (255, 255, 255))
    for _ in range(int(rng.integers(8, 20))):
        at = (rng.uniform(0, 0.85) * width, rng.uniform(0, 0.96) * height)
        pen.text(
            at,
            nonsense(rng, 2).title(),
            ink,
            font(int(rng.integers(10, 16))),
            stroke_width=2,
            stroke_fill=rim,
        )
    return np.asarray(named)


def road(canvas: Canvas, middle: Points, ahead: Points, reach: float, land: Colour, rng: Rng) -> None:
    """One street through a point, slightly bent, with a rim; some are main roads, some end early."""
    at = np.linspace(-reach, reach * rng.choice([1.0, 1.0, 0.3]), 12)
    bend = np.cumsum(rng.normal(0, 2.0, 12))
    points = middle + at[:, None] * ahead + bend[:, None] * np.array((-ahead[1], ahead[0]))
    main = rng.random() < 0.2
    thick = 7.0 if main else rng.uniform(2.5, 4.5)
    canvas.line(points, shaded(land, 0.78), thick + 1.6)
    canvas.line(points, (250, 214, 120) if main else shaded(land, 1.5), thick)


def line_drawing(rng: Rng, width: int, height: int) -> Image:
    """Houses, trees and hills in ink, by an unsteady hand."""
    canvas, ink = Canvas(width, height, PAPERS[int(rng.integers(3))]), INKS[int(rng.integers(3))]
    hills = np.cumsum(rng.normal(0, 0.02, 30)) * height + height * 0.4
    by_hand(canvas, np.stack([np.linspace(0, width, 30), hills], 1), ink, rng)
    for foot in np.sort(rng.uniform(0.5, 0.95, int(rng.integers(5, 10)))) * height:
        corner = np.array((rng.uniform(-0.05, 0.85) * width, foot))
        size = rng.uniform(0.15, 0.35) * foot
        for outline in (house_lines if rng.random() < 0.6 else tree_lines)(rng):
            by_hand(canvas, corner + size * outline * (1, -1), ink, rng)
    return canvas.finish()


def by_hand(canvas: Canvas, points: Points, ink: Colour, rng: Rng) -> None:
    """A line through points [n, 2] px that shakes a little."""
    at = np.linspace(0, len(points) - 1, 6 * len(points))
    steps = np.stack([np.interp(at, np.arange(len(points)), axis) for axis in points.T], 1)
    canvas.line(steps + rng.normal(0, 0.6, steps.shape), ink, float(rng.uniform(1.0, 2.0)))


def house_lines(rng: Rng) -> Iterator[Points]:
    """The outlines of a house, its left foot at (0, 0) and its width 1."""
    eaves, ridge = rng.uniform(0.5, 1.0), rng.uniform(0.2, 0.5)
    yield np.array([(0, 0), (0, eaves), (0.5, eaves + ridge), (1, eaves), (1, 0), (0, 0)])
    yield np.array([(0, eaves), (1, eaves)])
    for x in np.arange(0.1, 0.85, rng.uniform(0.2, 0.3)):
        for y in np.arange(0.1, eaves - 0.15, 0.25):
            yield np.array([(x, y), (x, y + 0.15), (x + 0.12, y + 0.15), (x + 0.12, y), (x, y)])
            yield np.array([(x + 0.06, y), (x + 0.06, y + 0.15)])
    for x in np.arange(0.08, 0.95, 0.06):
        yield np.array([(x, eaves), (x, eaves + ridge * (1 - abs(2 * x - 1)))])


def tree_lines(rng: Rng) -> Iterator[Points]:
    """A trunk and a crown of loops, its foot at (0, 0) and about 1.5 high."""
    yield np.array([(-0.04, 0), (-0.02, 0.8)])
    yield np.array([(0.04, 0), (0.02, 0.8)])
    turn = np.linspace(0, 6.3, 9)
    for _ in range(16):
        middle, reach = (rng.normal(0, 0.25), rng.uniform(0.7, 1.4)), rng.uniform(0.08, 0.25)
        yield middle + reach * np.stack([np.cos(turn), np.sin(turn)], 1)
