"""The documents: short, plain, complete, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import typer.main

from geoflood.cli.app import app
from geoflood.core import errors
from geoflood.outputs.fields import ANSWER_FIELDS, Field, field_table
from geoflood.triage.export.finding_fields import FINDING_FIELDS, PUBLIC

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md")
    if path.name not in ("cli.md", "api.md", "CHANGELOG.md")  # made from help texts and docstrings; a list
)
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
MOST_LINES = {"README.md": 100, "DESIGN.md": 200}
MOST_WORDS, MOST_MEAN = 25, 18
TERMS = (
    *("band", "waterline", "told", "untold", "belief", "search area", "in-index", "twin", "positive"),
    *("stranger", "weak calibration", "reference", "query", "descriptor", "backbone", "aggregation"),
    *("top-k", "recall@k", "positive distance", "re-ranking", "inlier", "candidate", "calibration"),
    *("pseudo-query", "geotag", "heading", "attention map", "alpha", "verdict", "outcome", "finding"),
    *("copy", "journal", "seal"),
)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """A document without code, tables, headings, pictures and the targets of links."""
    text = re.sub(r"```.*?```", "\n\n", path.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"(?m)^\s*(\||#|!\[|\[.*\]:).*$", "\n", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"`[^`]*`", "X", text)


def sentences(path: Path) -> list[str]:
    """The sentences of a document's prose; an item of a list is one or more of its own."""
    blocks = re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.) ", prose(path))
    lines = [" ".join(block.replace("**", "").split()) for block in blocks]
    found = [part for line in lines for part in re.split(r"(?<=[.?!:])\s+(?=[^a-z])", line)]
    return [sentence for sentence in found if re.search("[A-Za-z]{2}", sentence)]


def words(sentence: str) -> int:
    return len(re.findall(r"[^\s/·]*\w[^\s/·]*", sentence))


def anchors(path: Path) -> set[str]:
    """How the headings of a document are linked to."""
    headings = re.findall(r"(?m)^#+ (.*)$", path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", MOST_LINES)
def test_a_document_is_short(name: str) -> None:
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= MOST_LINES[name]


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_sentences_are_short(path: Path) -> None:
    lengths = {sentence: words(sentence) for sentence in sentences(path)}
    too_long = [sentence for sentence, length in lengths.items() if length > MOST_WORDS]
    assert not too_long
    assert mean(lengths.values()) <= MOST_MEAN


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if target.startswith(("https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def commands() -> list[str]:
    group = typer.main.get_command(app)
    return sorted(
        f"{name} {inner}".strip()
        for name, command in group.commands.items()  # type: ignore[attr-defined]
        if not command.hidden
        for inner in getattr(command, "commands", {"": None})
    )


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_tutorial_or_a_guide(command: str) -> None:
    shown = [ROOT / "README.md", ROOT / "docs/tutorial.md", *ROOT.glob("docs/guides/*.md")]
    demo = command == "demo"  # which `make demo` runs
    assert any(f"{'make' if demo else 'geoflood'} {command}" in path.read_text("utf-8") for path in shown)


@pytest.mark.parametrize("field", FINDING_FIELDS, ids=lambda field: field.name)
def test_every_field_of_the_tables_is_explained(field: Field[Any]) -> None:
    text = (ROOT / "docs/reference/files.md").read_text("utf-8")
    assert field_table([field]).splitlines()[-1] in text
    public = text.partition("Public files have these fields and no others:")[2].partition(".\n")[0]
    assert (f"`{field.name}`" in public) == (field.name in PUBLIC)


def test_the_fields_of_an_answer_stand_in_their_order() -> None:
    assert field_table(ANSWER_FIELDS) in (ROOT / "docs/reference/files.md").read_text("utf-8")


@pytest.mark.parametrize("name", errors.__all__)
def test_every_exit_code_is_explained(name: str) -> None:
    code = getattr(errors, name).exit_code
    assert f"\n| {code} | " in (ROOT / "docs/reference/exit-codes.md").read_text("utf-8")


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_in_the_glossary_once(term: str) -> None:
    text = (ROOT / "docs/glossary.md").read_text("utf-8").lower()
    assert text.count(f"**{term}**") == 1


@pytest.mark.parametrize("path", DECISIONS, ids=named)
def test_a_decision_says_what_would_change_it_and_is_listed(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.match(r"# \d{3} · ", text)
    assert path.name.startswith(text[2:5])
    for part in ("Context", "Choice", "What would change it"):
        assert part.lower() in text.lower(), part
    assert f"docs/decisions/{path.name}" in (ROOT / "DESIGN.md").read_text("utf-8")


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:3] for path in DECISIONS]
    assert len(numbers) == len(set(numbers))
