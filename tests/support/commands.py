"""What every command line test asks of a result."""

from __future__ import annotations

from typing import Any

Result = Any
"""Of typer's CliRunner: exit_code, stdout, stderr, exception."""


def error_line(result: Result, code: int) -> str:
    """The error line of a command that failed as it should: with a hint, and nothing on stdout."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("what helps: ")
    assert len(lines) == 2
    assert "Traceback" not in result.stderr
    return lines[0]
