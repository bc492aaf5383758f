"""What a plan says: rows for people, one object for programs."""

from __future__ import annotations

from typing import Any

from geoflood.database.collection_plan import SQUARE_M, CollectionPlan
from geoflood.outputs.wording import area, duration, percent, plain, size
from geoflood.places.coverage import sentence

__all__ = ["plan_question", "plan_record", "plan_rows", "plan_title"]

_LISTED = 6
"""Licences and years that are named one by one."""


def plan_title(plan: CollectionPlan, city: str = "") -> str:
    """What it is about, in one line; without a city's name, by that of its ground, which may be a box."""
    return f"{plan.images:,} of {plan.there:,} images of {plain(city or plan.area.name)} from {plan.source}"


def plan_rows(plan: CollectionPlan) -> dict[str, str]:
    """Names and values, one a line."""
    kinds = f"{plan.panoramas:,} panoramas, {plan.images - plan.panoramas:,} photos"
    room = "" if plan.disk_bytes < plan.free_bytes else ": NOT ENOUGH"
    covered = plan.covered / max(plan.squares, 1)
    rows = {
        "area": f"{plain(plan.area.name)}, {area(plan.area.km2)}" + _credit(plan.area.credit),
        "there": f"{plan.there:,} images, {plan.there_panoramas:,} of them panoramas",
        "chosen": f"{plan.images:,} images: {kinds}; {plan.views:,} views",
        "to fetch": f"{plan.missing:,} pictures, about {size(plan.download_bytes)}",
        "time": (
            f"{duration(plan.fetch_s)} to fetch at the pace that {plan.source} allows; beside it "
            f"{duration(plan.describe_s)} to describe, as measured on this machine"
        ),
        "disk": f"about {size(plan.disk_bytes)} in the end, {size(plan.free_bytes)} free{room}",
        "licences": _listed([(name or "told with each picture", count) for name, count in plan.licences]),
        "years": _listed([(str(year) if year else "unknown", n) for year, n in reversed(plan.years)]),
        "contributors": f"{plan.contributors:,}" if any(name for name, _ in plan.licences) else "told later",
        "coverage": (
            f"{plan.covered:,} of {plan.squares:,} squares of {SQUARE_M:.0f} m that have images "
            f"({percent(covered)}); {plan.all_round:,} are seen all round"
        ),
    }
    if (streets := plan.street_coverage) is not None:
        rows["streets"] = f"{plain(sentence(streets))}; {percent(streets.all_round)} are seen all round"
    return {name: value.replace("\u00a0", " ") for name, value in rows.items()}


def plan_question(plan: CollectionPlan) -> str:
    """What a person is asked before anything is fetched."""
    words = f"Fetch {plan.missing:,} pictures, about {size(plan.download_bytes)}, {duration(plan.fetch_s)}?"
    return words.replace("\u00a0", " ")


def plan_record(plan: CollectionPlan) -> dict[str, Any]:
    """The object of `index --plan --json`."""
    return {
        "source": plan.source,
        "area": plan.area.name,
        "area_km2": round(plan.area.km2, 3),
        "there": plan.there,
        "there_panoramas": plan.there_panoramas,
        "images": plan.images,
        "panoramas": plan.panoramas,
        "views": plan.views,
        "to_fetch": plan.missing,
        "download_bytes": round(plan.download_bytes),
        "disk_bytes": round(plan.disk_bytes),
        "free_bytes": round(plan.free_bytes),
        "fetch_seconds": round(plan.fetch_s),
        "describe_seconds": round(plan.describe_s),
        "licences": dict(plan.licences),
        "contributors": plan.contributors,
        "years": {str(year) if year else "unknown": count for year, count in plan.years},
        "square_m": plan.coverage.size_m,
        "squares": plan.squares,
        "covered": plan.covered,
        "all_round": plan.all_round,
        "streets": _streets_record(plan),
    }


def _streets_record(plan: CollectionPlan) -> dict[str, Any] | None:
    if (streets := plan.street_coverage) is None:
        return None
    return {
        "street_km": round(streets.street_km, 1),
        "share": round(streets.share, 3),
        "all_round": round(streets.all_round, 3),
        "by_direction": {name: round(share, 3) for name, share in streets.by_direction},
    }


def _credit(credit: str) -> str:
    return f" (outline: {plain(credit)})" if credit else ""


def _listed(counted: list[tuple[str, int]]) -> str:
    """Names with their counts; those beyond _LISTED are only counted."""
    named = [f"{plain(name)}: {count:,}" for name, count in counted[:_LISTED]]
    rest = sum(count for _, count in counted[_LISTED:])
    return ", ".join([*named, *([f"others: {rest:,}"] if rest else [])])
