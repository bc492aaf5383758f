"""What tests of sources share."""

from __future__ import annotations

import pytest

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither offline nor behind a proxy, and without anybody's own settings."""
    names = ("GEOFLOOD_OFFLINE", "GEOFLOOD_CONTACT", "GEOFLOOD_SOURCE_PACE", *PROXIES)
    for name in (*names, *map(str.lower, PROXIES)):
        monkeypatch.delenv(name, raising=False)
