"""An index at a glance: what it holds, and what it can find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from geoflood.core.datatypes import Bounds, Progress, Rejected, no_progress
from geoflood.core.geo import covered_km2
from geoflood.database.calibration import Calibration
from geoflood.database.check_index import check_index
from geoflood.database.database import Database
from geoflood.database.file_checks import FileCheck
from geoflood.database.manifest import Manifest, read_manifest
from geoflood.database.plan_changes import PlanChange
from geoflood.database.rejections import examples_of_rejected
from geoflood.database.sign_store import SignsRead
from geoflood.places.street_map import StreetMap
from geoflood.places.street_map_file import find

if TYPE_CHECKING:
    from geoflood.places.coverage import Coverage

__all__ = ["IndexInfo"]


@dataclass(frozen=True)
class IndexInfo:
    """What an index holds. The manifest is at hand; `bounds`, `covered_km2` and `headings` open the index,
    which looks whether its files are those that were sealed.

    These and `signs` raise IndexUnusableError when a file is missing or damaged.
    """

    folder: Path
    manifest: Manifest
    change: PlanChange | None = None
    """What an update changed, where one has just been made."""

    @classmethod
    def read(cls, folder: Path) -> IndexInfo:
        """Raises CityError where there is no index, IndexUnusableError for a bad one."""
        return cls(folder, read_manifest(folder))

    def check(self, progress: Progress = no_progress) -> list[FileCheck]:
        """Read every file whole, the shards that an addition needs among them; damage is a value.

        Raises IndexUnusableError only where the ledger cannot be read.
        """
        return list(check_index(self.folder, self.manifest, progress))

    @property
    def city(self) -> str:
        """The name as it was given; the folder's name is its slug."""
        return self.manifest.city

    @property
    def images(self) -> int:
        """Street images that could be used."""
        return self.manifest.images

    @property
    def references(self) -> int:
        """Views that a photo is compared with: an image is one, a panorama eight."""
        return self.manifest.references

    @property
    def rejected(self) -> Mapping[str, int]:
        """Images that could not be used, by reason."""
        return self.manifest.rejected

    @cached_property
    def examples_of_rejected(self) -> list[Rejected]:
        """The first thing for each reason, where the index's files tell it."""
        return examples_of_rejected(self.folder, self.rejected)

    @property
    def backbone(self) -> str:
        """What describes the images, such as "rootsift"."""
        return self.manifest.settings.backbone

    @property
    def bands(self) -> tuple[int, ...]:
        """Waterline bands, percent of the height."""
        return self.manifest.settings.bands

    @property
    def credits(self) -> tuple[tuple[str, str, int], ...]:
        """(credit, licence, images), most images first."""
        return self.manifest.credits

    @property
    def calibration(self) -> Calibration:
        """How right its answers are, by kind of search."""
        return self.manifest.calibration

    @cached_property
    def signs(self) -> SignsRead | None:
        """How many views had their signs read; None where that was never asked for."""
        return SignsRead.of(self.folder)

    @cached_property
    def _database(self) -> Database:
        return Database(self.folder)

    @property
    def bounds(self) -> Bounds:
        """The smallest box around the references, degrees."""
        positions = self._database.positions
        return Bounds(*map(float, (*positions.min(axis=0), *positions.max(axis=0))))

    @property
    def covered_km2(self) -> float:
        """Ground within about 50 m of a reference: what can be found, and no more."""
        return covered_km2(self._database.positions)

    @cached_property
    def street_map(self) -> StreetMap | None:
        """Streets and names of its ground; None where it has none. Raises IndexUnusableError when damaged."""
        return find(self.folder)

    @cached_property
    def street_coverage(self) -> Coverage | None:
        """What of the streets a reference is near to, and the holes; None without a street map.

        Raises IndexUnusableError when the street map is damaged.
        """
        from geoflood.places.coverage import coverage_of  # its libraries take longer than all else here

        if self.street_map is None:
            return None
        return coverage_of(self.street_map, self._database.positions, self._database.headings_deg())

    @property
    def headings(self) -> Mapping[str, int]:
        """Views by the direction they look in: N, NE ... NW, unknown."""
        return self._database.headings()
