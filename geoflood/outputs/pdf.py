"""A still page as a PDF, by WeasyPrint: an extra, for who has no browser to print with."""

from __future__ import annotations

import importlib.util
import logging
import re
from importlib import resources
from pathlib import Path

from geoflood.core.errors import ExtraMissingError
from geoflood.core.files import replacing

__all__ = ["check_pdf", "is_pdf", "write_pdf"]

_LACKS = "pip install 'geoflood[pdf]'; or write .html, and print it with a browser"


def is_pdf(path: Path) -> bool:
    """Whether a file is to be a PDF, by its name."""
    return path.suffix.lower() == ".pdf"


def check_pdf() -> None:
    """Raises ExtraMissingError where no PDF can be written: to be asked before any work."""
    if importlib.util.find_spec("weasyprint") is None:
        raise ExtraMissingError("a PDF needs WeasyPrint, which is not installed", _LACKS)
    try:
        import weasyprint  # noqa: F401  # a second, and Pango, which is no Python package
    except OSError as error:
        raise ExtraMissingError(
            f"a PDF needs Pango, which is not installed: {error!s:.80}", _LACKS
        ) from error


def write_pdf(path: Path, page: str) -> None:
    """Write a page of `still_page` as PDF, whole or not at all; nothing is fetched for it.

    Raises what `check_pdf` does.
    """
    check_pdf()
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it warns of every style that it leaves out
    inside = URLFetcher(allowed_protocols={"data"}, allow_redirects=False)
    with replacing(path) as temporary:
        HTML(string=_with_map_colours(page), url_fetcher=inside).write_pdf(temporary)


def _with_map_colours(page: str) -> str:
    """WeasyPrint gives drawings neither the page's styles nor its variables: each map gets its own.

    Letters have no halo, for it would be painted over them.
    """
    by_day = _style("colours").partition("}")[0]
    colours = dict(re.findall(r"--([\w-]+):\s*([^;]+);", by_day))
    plain = re.sub(r"stroke: [^;]+; stroke-width: [^;]+; paint-order: stroke;", "", _style("paper_map"))
    style = re.sub(r"var\(--([\w-]+)\)", lambda used: colours[used[1]], plain)
    return re.sub(r'(<svg class="paper-map"[^>]*>)', lambda map_: f"{map_[0]}<style>{style}</style>", page)


def _style(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.css").read_text("utf-8")
