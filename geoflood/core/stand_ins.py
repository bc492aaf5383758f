"""What stands in the place of a file whose content is kept elsewhere, and what fetches it."""

from __future__ import annotations

__all__ = ["STAND_IN", "fetches", "fetches_link", "unlocks_link"]

STAND_IN = 1024
"""Bytes that a stand-in has at most."""


def fetches(head: bytes) -> str:
    """How to fetch the content that a small file only stands for; empty for any other file."""
    if head.startswith(b"/annex/objects/"):
        return "git annex get fetches it"
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "git lfs pull fetches it"
    return ""


def fetches_link(target: str) -> str:
    """How to fetch what a link that leads nowhere stands for; empty for any other link."""
    return "git annex get fetches it" if _ANNEX in target else ""


def unlocks_link(target: str) -> str:
    """How to have the file in place of a link that leads out of its folder; empty for any other link."""
    return "git annex unlock puts the file here" if _ANNEX in target else ""


_ANNEX = ".git/annex/objects"
