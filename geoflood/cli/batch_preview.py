"""`geoflood batch-locate --dry-run`: what a run would read, do, ask and write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from geoflood.cli import terminal

if TYPE_CHECKING:
    from geoflood.localize.cities import Cities
    from geoflood.localize.locator import Locator
    from geoflood.triage.options import BatchOptions
    from geoflood.vlm.stage import VlmSelection, VlmStage

__all__ = ["show_preview"]


def show_preview(
    folder: Path,
    out: Path,
    index: Path | Sequence[Path],
    options: BatchOptions,
    locator: Locator | Cities,
    stage: VlmStage,
    as_json: bool,
) -> None:
    """Tell what a run would read, do and ask, and where it would write."""
    from geoflood.triage.preview import preview_batch

    options = replace(options, search=locator.resolved(options.search))
    asks = stage.selection if stage.asks else None
    hosts = asks.hosts_asked() if asks else ()
    with terminal.progress() as progress:
        found = preview_batch(folder, out, index, options, progress)
    if as_json:
        told = {name: getattr(found, name) for name in ("pictures", "done", "left", "provisional", "begun")}
        posts = {"posts": found.tally.posts.total(), "not_used": dict(found.tally.rejected)}
        asked = {"model": asks and asks.full_name, "hosts": hosts, "verify": stage.verify_count}
        asked["compare"] = stage.compare_count
        terminal.emit({"dry_run": True, **posts, **told, **asked, "out": str(out)})
        return
    for line in found.tally.lines():
        terminal.news(line)
    begun = f"begun: {found.done:,} of these have a result, {found.provisional:,} of them to be re-ranked yet"
    rows = {
        "to read": f"{found.tally.posts.total():,} posts with {found.pictures:,} pictures, of {folder}",
        "to locate": f"{found.left:,} photos at most: pictures that show one photo are located once",
        "results in": f"{out}, {begun if found.begun else 'which is new'}",
        "model": _asked(stage, asks, hosts, found.left),
    }
    terminal.show_rows(rows)
    terminal.news("nothing was written, and nobody was asked")


def _asked(stage: VlmStage, asks: VlmSelection | None, hosts: Sequence[str], photos: int) -> str:
    """Which model would be asked what, and where."""
    if asks is None:
        return "none is asked"
    what = [f"about {photos:,} photos at most"] * stage.attends
    what += [f"to compare {stage.verify_count:,} candidates of each"] * bool(stage.verify_count)
    what += [f"to compare {stage.compare_count:,} places with each"] * bool(stage.compare_count)
    where = f"at {', '.join(hosts)}" if hosts else "in its earlier answers alone"
    return f"{asks.full_name} {where}, {' and '.join(what)}"
