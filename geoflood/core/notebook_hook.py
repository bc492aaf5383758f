"""How values show themselves in a notebook: a room above gives the renderer, this floor knows no HTML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["html_of", "set_renderer"]

_renderers: list[Callable[[Any], str]] = []


def set_renderer(renderer: Callable[[Any], str]) -> None:
    """Have `renderer` make the HTML of a located photo, instead of any renderer before it."""
    _renderers[:] = [renderer]


def html_of(value: Any) -> str | None:
    """The value as HTML; None without a renderer, which notebooks answer by showing its text."""
    return _renderers[0](value) if _renderers else None
