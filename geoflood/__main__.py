"""`python -m geoflood` and the `geoflood` command."""

from __future__ import annotations

from geoflood.cli.app import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
