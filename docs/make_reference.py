"""Writes what is made of `--help` (cli.md, geoflood.1) and of docstrings (api.md): `make docs`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import typer

import geoflood
from geoflood.cli.app import app

__all__ = ["FOLDER", "REFERENCE", "api_reference", "cli_reference", "man_page"]

FOLDER = Path(__file__).parent / "reference"

_API_HEAD = """\
# The Python API

Made from docstrings by `make docs`. Everything here is an attribute of `geoflood`, whose import is light.
"""
_MAN_END = (
    ".SH EXIT STATUS",
    "0 done; 2 the command line makes no sense; 10 some items failed; the reference has all.",
)
_CLI_HEAD = """\
# The command line

Made from `--help` by `make docs`. Results go to stdout, news to stderr.
[Exit codes](exit-codes.md) have a page of their own.
"""


def cli_reference() -> str:
    """Every command: how it is called, what it does, its arguments and options."""
    program = typer.main.get_command(app)
    return "\n".join([_CLI_HEAD, *_group(program, "geoflood")])


def _group(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _group(command, f"{path} {name}")
        else:
            yield from _command(command, f"{path} {name}")


def _command(command: Any, path: str) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"## {path}\n\n```\n{usage}\n```\n\n{inspect.cleandoc(command.help)}\n"
    for group, parameters in _help_groups(command).items():
        if group:
            yield f"\n{group}:\n"
        for parameter in parameters:
            if (entry := parameter.get_help_record(context)) is not None:
                name, text = entry
                yield f"- `{name}`: {' '.join(text.split())}"
    yield ""


def _help_groups(command: Any) -> dict[str, list[Any]]:
    """Parameters by the group under which `--help` shows them; those of none first, under ""."""
    groups: dict[str, list[Any]] = {"": []}
    for parameter in command.params:
        groups.setdefault(getattr(parameter, "rich_help_panel", None) or "", []).append(parameter)
    return groups


def man_page() -> str:
    """geoflood(1): every command with its options, in the language of man pages."""
    program: Any = typer.main.get_command(app)
    about = _roff(inspect.cleandoc(program.help))
    head = (
        f".TH GEOFLOOD 1\n.SH NAME\ngeoflood \\- find where a flood photo was taken\n.SH DESCRIPTION\n{about}"
    )
    return "\n".join([head, ".SH COMMANDS", *_man_group(program, "geoflood"), *_MAN_END, ""])


def _man_group(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _man_group(command, f"{path} {name}")
        elif not command.hidden:
            yield from _man_command(command, f"{path} {name}")


def _man_command(command: Any, path: str) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f".SS {_roff(usage)}\n{_roff(inspect.cleandoc(command.help))}"
    for parameters in _help_groups(command).values():
        for parameter in parameters:
            if (entry := parameter.get_help_record(context)) is not None:
                name, text = entry
                yield f".TP\n.B {_roff(name)}\n{_roff(' '.join(text.split()))}"


def _roff(text: str) -> str:
    """Text that no line of which is taken for a request; an empty line begins a paragraph."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    lines = (f"\\&{line}" if line.startswith((".", "'")) else line or ".PP" for line in escaped.split("\n"))
    return "\n".join(lines)


def api_reference() -> str:
    """Functions, types and errors of `geoflood.__all__`, with their docstrings."""
    public = {name: getattr(geoflood, name) for name in geoflood.__all__ if name != "__version__"}
    errors = {name: thing for name, thing in public.items() if _is_error(thing)}
    types = {name: thing for name, thing in public.items() if inspect.isclass(thing) and name not in errors}
    functions = {name: thing for name, thing in public.items() if inspect.isfunction(thing)}
    return "\n".join(
        [
            _API_HEAD,
            "## Functions\n",
            *(_function(_parsed(thing), "### geoflood.") for thing in functions.values()),
            "## Types\n",
            *(_type(_parsed(thing)) for thing in types.values()),
            "## Errors\n\n| error | exit code | means |\n|---|---|---|",
            *(
                f"| `{name}` | {thing.exit_code} | {inspect.getdoc(thing)} |"
                for name, thing in errors.items()
            ),
            "",
        ]
    )


def _is_error(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, geoflood.GeofloodError)


def _parsed(thing: Any) -> Any:
    return ast.parse(inspect.getsource(thing)).body[0]


def _type(node: ast.ClassDef) -> str:
    """The docstring of a class, its fields with theirs, its public methods and properties."""
    parts = [f"### geoflood.{node.name}\n\n{_doc(node)}\n", *_fields(node)]
    methods = [one for one in node.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
    for method in filter(_is_property, methods):
        text = " ".join(_doc(method).split())
        parts.append(f"- `{method.name}: {_annotation(method.returns)}`: {text}")
    parts.append("")
    parts += [_function(method, f"#### {node.name}.") for method in methods if not _is_property(method)]
    return "\n".join(parts)


def _is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator).endswith("property") for decorator in node.decorator_list)


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """Fields of a dataclass and members of an enum, each with the string below it."""
    for statement, below in zip_longest(node.body, node.body[1:]):
        if isinstance(statement, ast.AnnAssign | ast.Assign):
            text = " ".join(_text(below).split())
            yield f"- `{ast.unparse(statement)}`" + (f": {text}" if text else "")


def _text(statement: ast.stmt | None) -> str:
    """The string that stands alone as a statement, or ""."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return str(statement.value.value)
    return ""


def _function(node: ast.FunctionDef, heading: str) -> str:
    """A heading, the signature with a line a parameter where it is long, the docstring."""
    parameters, result = list(_parameters(node.args)), f" -> {_annotation(node.returns)}"
    signature = f"{node.name}({', '.join(parameters)}){result}"
    if len(signature) > 100:
        lines = "".join(f"    {one},\n" for one in parameters)
        signature = f"{node.name}(\n{lines}){result}"
    return f"{heading}{node.name}\n\n```python\n{signature}\n```\n\n{_doc(node)}\n"


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    given = arguments.args
    required: list[ast.expr | None] = [None] * (len(given) - len(arguments.defaults))
    for argument, default in zip(given, [*required, *arguments.defaults], strict=True):
        if argument.arg not in ("self", "cls"):
            yield _parameter(argument, default)
    if arguments.vararg:
        yield f"*{ast.unparse(arguments.vararg)}"
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, default)


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    text = ast.unparse(argument)
    return text if default is None else f"{text} = {ast.unparse(default)}"


def _annotation(annotation: ast.expr | None) -> str:
    return "None" if annotation is None else ast.unparse(annotation)


def _doc(node: ast.FunctionDef | ast.ClassDef) -> str:
    return ast.get_docstring(node) or ""


REFERENCE = {"api.md": api_reference, "cli.md": cli_reference, "geoflood.1": man_page}
"""Name of a file in docs/reference -> what makes its text."""

if __name__ == "__main__":
    for name, make in REFERENCE.items():
        (FOLDER / name).write_text(make(), "utf-8")
