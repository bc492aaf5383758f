"""Pages as PDF: whole, in the colours of day, and without a look at the network or the disk."""

from __future__ import annotations

import importlib.util
import re
import socket
from pathlib import Path

import pytest

from geoflood.core.errors import ExtraMissingError
from geoflood.outputs.page import still_page
from geoflood.outputs.pdf import is_pdf, write_pdf
from tests.support.pdf import needs_pango, streams

MAP = '<svg class="paper-map" viewBox="0 0 9 9" role="img"><rect class="land" width="9" height="9"/></svg>'


@needs_pango
def test_a_map_has_the_colours_of_the_page(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", still_page("brief", MAP, "geoflood.triage.export", ("paper_map",)))
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")
    land = [int(part, 16) / 255 for part in ("f7", "f6", "f2")]
    fills = [
        tuple(map(float, found))
        for found in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) rg", streams(tmp_path / "a.pdf"))
    ]
    assert any(fill == pytest.approx(land, abs=0.01) for fill in fills), "and not black, as without styles"


@needs_pango
def test_nothing_is_fetched_for_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><rect fill="#123456" width="9" height="9"/></svg>'
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        host = f"http://127.0.0.1:{server.getsockname()[1]}"
        body = f'<img src="{host}/a.png"><img src="{secret.as_uri()}"><link rel="stylesheet" href="{host}/">'
        write_pdf(tmp_path / "a.pdf", still_page("brief", body, "geoflood.triage.export"))
        with pytest.raises(TimeoutError):
            server.accept()
    assert b"0.070588" not in streams(tmp_path / "a.pdf"), "0x12 of 255"


def test_without_the_extra_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissingError, match="WeasyPrint"):
        write_pdf(tmp_path / "a.pdf", "")
    assert not list(tmp_path.iterdir())
    assert is_pdf(Path("x.PDF"))
    assert not is_pdf(Path("x.html"))
