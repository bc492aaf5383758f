"""geoflood: find where a flood photo was taken.

    import geoflood

    geoflood.build_index("hamburg", ["~/street-images"])
    city = geoflood.open("hamburg")
    found = city.locate("photo.jpg", waterline=0.4)
    print(found.position, found.probability, found.radius_90_m)

This import is light: torch, faiss and numpy are loaded when something is first computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from datetime import datetime

    import pandas

    from geoflood.core.area import Area
    from geoflood.core.datatypes import (
        AttentionMap,
        Blend,
        Bounds,
        Candidate,
        CityAnswer,
        CityShare,
        Estimate,
        LatLon,
        Located,
        Outcome,
        Query,
        Reason,
        ReasonKind,
        Reference,
        SearchOptions,
        StreetWords,
    )
    from geoflood.core.errors import (
        CityError,
        ExtraMissingError,
        GeofloodError,
        IndexUnusableError,
        InputError,
        ModelError,
        NetworkError,
        PartialError,
        UsageError,
        WeightsError,
    )
    from geoflood.database.collection_plan import CollectionPlan
    from geoflood.database.index_info import IndexInfo
    from geoflood.database.like import LearnedElsewhere
    from geoflood.database.manifest import Manifest, Settings
    from geoflood.database.merge import MergedIndex
    from geoflood.database.source_order import SourceOrder
    from geoflood.evaluation.results import Evaluation
    from geoflood.imagery.sources.source import Source
    from geoflood.localize.cities import Cities
    from geoflood.localize.locator import Locator
    from geoflood.places.street_map import StreetMap

__version__ = "0.1.0"

__all__ = [
    "Area",
    "AttentionMap",
    "Blend",
    "Bounds",
    "Candidate",
    "Cities",
    "CityAnswer",
    "CityError",
    "CityShare",
    "CollectionPlan",
    "Estimate",
    "Evaluation",
    "ExtraMissingError",
    "GeofloodError",
    "IndexInfo",
    "IndexUnusableError",
    "InputError",
    "LatLon",
    "Located",
    "Locator",
    "MergedIndex",
    "ModelError",
    "NetworkError",
    "Outcome",
    "PartialError",
    "Query",
    "Reason",
    "ReasonKind",
    "Reference",
    "SearchOptions",
    "StreetMap",
    "StreetWords",
    "UsageError",
    "WeightsError",
    "__version__",
    "add_streets",
    "build_index",
    "cities",
    "evaluate",
    "info",
    "merge",
    "open",
    "plan_index",
    "read_signs",
    "to_frame",
]

_HOMES = {
    "core.area": "Area",
    "core.errors": "CityError ExtraMissingError GeofloodError IndexUnusableError InputError ModelError "
    "NetworkError PartialError UsageError WeightsError",
    "core.datatypes": "AttentionMap Blend Bounds Candidate CityAnswer CityShare Estimate LatLon Located "
    "Outcome Query Reason ReasonKind Reference SearchOptions StreetWords",
    "database.collection_plan": "CollectionPlan",
    "database.index_info": "IndexInfo",
    "database.merge": "MergedIndex",
    "evaluation.results": "Evaluation",
    "localize.cities": "Cities",
    "localize.locator": "Locator",
    "places.street_map": "StreetMap",
}
"""Module -> the public types that it defines, imported when they are first asked for."""

if not TYPE_CHECKING:  # a checker sees the imports above, and finds misspelt names

    def __getattr__(name: str) -> Any:
        for module, names in _HOMES.items():
            if name in names.split():
                _show_in_notebooks()
                return getattr(import_module(f"geoflood.{module}"), name)
        raise AttributeError(f"module 'geoflood' has no attribute {name!r}")


def _show_in_notebooks() -> None:
    """Say how a Located shows itself: core cannot, and the HTML is not loaded before one is shown."""
    from geoflood.core.notebook_hook import set_renderer

    def html(located: Located) -> str:
        from geoflood.outputs.notebook import notebook_html

        return notebook_html(located)

    set_renderer(html)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def build_index(
    city: str,
    images: Sequence[str | Path] = (),
    *,
    source: str | Source | None = None,
    area: Area | None = None,
    geocoder: str | None = None,
    source_url: str | None = None,
    max_images: int | None = None,
    since: datetime | None = None,
    keep_images: Literal["all", "thumbnails", "none"] | None = None,
    geotags: str | Path | None = None,
    select: str | None = None,
    utm_zone: str | None = None,
    licence: str = "",
    credit: str = "",
    backbone: str | None = None,
    dimension: int | Literal["auto"] | None = "auto",
    bands: Sequence[int] | None = None,
    like: str | Path | None = None,
    index_dir: str | Path | None = None,
    rebuild: bool = False,
    update: bool = False,
    precision: str | None = None,
    workers: int | str | None = None,
    streets: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> IndexInfo:
    """Index the street images of a city; call it again to continue, or to add images.

    - `images`: folders, or CSV and GeoJSON files that list images with their positions.
    - `source`: "mapillary", "panoramax", "kartaview" or "amsterdam", in place of `images`: what it has of the
      city is looked at, chosen from and fetched.
    - `area`: the ground to fetch; default that of the last run, else what the geocoder says of the name.
    - `geocoder`: the URL of a Nominatim or a Photon of one's own.
    - `source_url`: of a mirror, or an instance of one's own.
    - `max_images`: fetched at the most, chosen to cover places and directions.
    - `since`: UTC; older images are left out.
    - `keep_images`: what stays of the pictures once they are described; default all.
    - `geotags`: such a file, for images anywhere; then it is the list, and only what it names is used.
    - `select`: "COLUMN=VALUE", to take only these rows of the files.
    - `utm_zone`: of @easting@northing@ file names, such as "10S".
    - `licence`, `credit`: of images that do not say; the licence as SPDX.
    - `backbone`: what describes the images, default "rootsift"; `geoflood models list` has them all.
    - `dimension`: of a band's descriptor after PCA-whitening; None keeps the backbone's own.
    - `bands`: waterline bands, percent of the height, 0 to 90; default 0, 15, 30, 45, 60.
    - `like`: another index, by name or folder: its settings and what it learned are taken, so that the two
      can be merged.
    - `index_dir`: where indexes live; default GEOFLOOD_INDEX_DIR, else ./index, else the user's data folder.
    - `rebuild`: begin anew.
    - `update`: of an index that is there, also drop what these folders and files have no more, and correct
      positions, headings and credits; the result's `change` counts it.
    - `precision`: "float32", "bfloat16" or "auto".
    - `workers`: images described at a time; default one a core. "ray" or "ray://HOST:10001": a Ray cluster,
      of this computer or of others that share its storage; needs `geoflood[ray]`.
    - `streets`: an extract of OpenStreetMap, as in `add_streets`.
    - `progress`: called with (stage, done, total); total is 0 when unknown.

    Raises UsageError for options that make no sense, InputError when no image can be used, CityError when
    there is nothing to update, IndexUnusableError when the index has other settings or is in use,
    WeightsError without weights, NetworkError when a source, the geocoder or a Ray head cannot be reached,
    ExtraMissingError without ray.
    """
    from functools import partial

    from geoflood.core.datatypes import no_progress
    from geoflood.core.errors import UsageError
    from geoflood.database.build import build
    from geoflood.database.from_source import build_from_source
    from geoflood.database.index_info import IndexInfo
    from geoflood.database.plan_changes import PlanChange
    from geoflood.imagery.folder import images as street_images
    from geoflood.imagery.folder import lists
    from geoflood.localize.calibration.calibrate import self_calibrate
    from geoflood.places.build_street_map import check_extract

    folder, extract = _index_folder(city, index_dir), _path(streets)
    other = _learned_elsewhere(like, index_dir)
    settings = _settings(other, backbone, dimension, bands)
    if extract is not None:
        check_extract(extract)
    if update:
        _check_update(folder, rebuild)
    changes: list[PlanChange] = []
    how: dict[str, Any] = {
        "rebuild": rebuild,
        "like": other,
        "changed": changes.append,
        "precision": precision,
        "progress": progress or no_progress,
    }
    offered: Callable[..., Manifest]
    if source is not None:
        if images or geotags is not None:
            raise UsageError(
                "images come from a source or from folders, not from both", "index one, then add"
            )
        order = _order(folder, city, source, source_url, area, geocoder, max_images, since, keep_images)
        offered = partial(build_from_source, folder, city, order, settings, self_calibrate, update=update)
    else:
        folders = [Path(image).expanduser() for image in images]
        how["update"] = lists(folders, _path(geotags)) if update else False
        listed = street_images(
            folders, _path(geotags), utm_zone=utm_zone, select=select, licence=licence, credit=credit
        )
        offered = partial(build, folder, city, listed, settings, self_calibrate)
    if isinstance(workers, str):
        from geoflood.database.ray_describe import describing_on

        with describing_on(workers, precision) as describe:
            manifest = offered(describe=describe, **how)
    else:
        manifest = offered(workers=workers, **how)
    if extract is not None:
        add_streets(folder, extract, progress=progress)
    return IndexInfo(folder, manifest, *changes)


def add_streets(
    city: str | Path,
    extract: str | Path,
    *,
    index_dir: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> StreetMap:
    """Keep with a city's index the streets, names, water and buildings within 1 km of its street images.

    - `extract`: of OpenStreetMap: .osm.pbf and .osm, which need `geoflood[osm]`, or GeoJSON with its tags.
    - `progress`: called with (stage, done, total); total is 0 when unknown.

    Raises CityError when there is no such index, IndexUnusableError when it is unfinished or in use,
    InputError for an extract that cannot be read, lies elsewhere or names no street, ExtraMissingError.
    """
    from geoflood.core.datatypes import no_progress
    from geoflood.database.add_streets import add_streets as add

    return add(_index_folder(city, index_dir), Path(extract).expanduser(), progress or no_progress)


def plan_index(
    city: str,
    source: str | Source,
    *,
    area: Area | None = None,
    geocoder: str | None = None,
    source_url: str | None = None,
    max_images: int | None = None,
    since: datetime | None = None,
    keep_images: Literal["all", "thumbnails", "none"] | None = None,
    streets: str | Path | None = None,
    backbone: str | None = None,
    dimension: int | Literal["auto"] | None = "auto",
    bands: Sequence[int] | None = None,
    like: str | Path | None = None,
    index_dir: str | Path | None = None,
    precision: str | None = None,
    workers: int | str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> CollectionPlan:
    """What `build_index` would fetch of a source, what it would cost and what it is worth.

    Only metadata is asked for, and kept for the build. How long describing takes is measured on a few drawn
    pictures, on this computer. The options are those of `build_index`, and so is what it raises.
    """
    from geoflood.core.datatypes import no_progress
    from geoflood.database.collection_plan import plan_collection
    from geoflood.database.describing_speed import measure_describing
    from geoflood.database.from_source import harvested
    from geoflood.database.plan_streets import plan_streets

    folder = _index_folder(city, index_dir)
    settings = _settings(_learned_elsewhere(like, index_dir), backbone, dimension, bands)
    order = _order(folder, city, source, source_url, area, geocoder, max_images, since, keep_images)
    with harvested(folder, order, progress or no_progress) as harvest:
        street_map = plan_streets(folder, harvest.there, _path(streets), progress or no_progress)
        threads = None if isinstance(workers, str) else workers
        speed = measure_describing(settings, folder, threads, precision)
        return plan_collection(harvest, order, folder, settings.tile_headings, speed, street_map)


def _learned_elsewhere(like: str | Path | None, index_dir: str | Path | None) -> LearnedElsewhere | None:
    from geoflood.database.like import learned_elsewhere

    return None if like is None else learned_elsewhere(_index_folder(like, index_dir))


def _settings(
    like: LearnedElsewhere | None,
    backbone: str | None,
    dimension: int | Literal["auto"] | None,
    bands: Sequence[int] | None,
) -> Settings:
    """What is asked for, or what another index has. Raises UsageError for what makes no sense."""
    from geoflood.database.bands import BANDS
    from geoflood.database.like import settings_like
    from geoflood.database.settings import index_settings

    if like is not None:
        return settings_like(like, backbone, dimension, bands)
    return index_settings(backbone or "rootsift", dimension, BANDS if bands is None else bands)


def _order(
    folder: Path,
    city: str,
    source: str | Source,
    url: str | None,
    area: Area | None,
    geocoder: str | None,
    most: int | None,
    since: datetime | None,
    keep: str | None,
) -> SourceOrder:
    """What is wanted of a source. Raises UsageError for what makes no sense."""
    from geoflood.core.errors import UsageError
    from geoflood.database.source_order import OrderWishes, make_order
    from geoflood.imagery.kept_pictures import KeepImages

    if keep is not None and keep not in list(KeepImages):
        raise UsageError(f"{keep!r} says not what stays of pictures", "all, thumbnails or none")
    kept = None if keep is None else KeepImages(keep)
    return make_order(folder, city, OrderWishes(source, url, area, geocoder, most, since, kept))


def _check_update(folder: Path, rebuild: bool) -> None:
    """Raises CityError where there is nothing to update, UsageError when it is to begin anew besides."""
    from geoflood.core.errors import UsageError
    from geoflood.database.index_files import is_index
    from geoflood.database.manifest import no_such_index

    if rebuild:
        raise UsageError("an index is updated or begun anew, not both", "leave out one of the two")
    if not is_index(folder):
        raise no_such_index(folder, "leave the update out to build it")


def merge(
    cities: Sequence[str | Path],
    into: str,
    *,
    index_dir: str | Path | None = None,
    replace: bool = False,
    precision: str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> MergedIndex:
    """Make one index of several that learned the same, such as districts, without describing an image again.

    - `cities`: by name or folder; all but one were built with `like`. They stay, and may be removed.
    - `into`: a name for the index of all. It calibrates itself, with pictures that are still there.
    - `replace`: in place of an index of that name.
    - `precision`, `workers`, `progress`: as in `build_index`.

    What two of them hold is there once, as the one named first has it. A call that was killed goes on.

    Raises UsageError for indexes that are no two, and for a name that is taken; CityError or
    IndexUnusableError for one that is missing, unfinished, damaged, in use, or learned something else;
    InputError for a full disk, WeightsError without weights.
    """
    from geoflood.core.datatypes import no_progress
    from geoflood.core.paths import city_folder
    from geoflood.database.merge import merge as merge_indexes
    from geoflood.localize.calibration.calibrate import self_calibrate

    return merge_indexes(
        [_index_folder(city, index_dir) for city in cities],
        city_folder(into, _path(index_dir)),
        into,
        self_calibrate,
        replace_index=replace,
        workers=workers,
        precision=precision,
        progress=progress or no_progress,
    )


def read_signs(
    city: str | Path,
    *,
    index_dir: str | Path | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> IndexInfo:
    """Read the words on signs in the images of an index, once each: from then on answers tell shared words.

    A run that was stopped goes on where it was. Pictures that are gone cannot be read: `signs` of the result
    counts those that were. Nothing is asked of any network.

    Raises ExtraMissingError without geoflood[text], CityError or IndexUnusableError for the index.
    """
    from geoflood.core.datatypes import no_progress
    from geoflood.database.sign_store import read_reference_signs
    from geoflood.places.read_signs import SignReader

    folder = _index_folder(city, index_dir)
    read_reference_signs(folder, SignReader().read, workers, progress or no_progress)
    return info(folder)


def cities(index_dir: str | Path | None = None) -> list[str]:
    """Names of the cities that are indexed, as `open` and `info` take them; damaged and unfinished indexes
    included."""
    from geoflood.database.named_indexes import all_indexes

    return [folder.name for folder in all_indexes(_path(index_dir))]


def info(city: str | Path, *, index_dir: str | Path | None = None) -> IndexInfo:
    """What the index of a city holds, given its name or its folder.

    Raises CityError when there is no such index, IndexUnusableError when it is unfinished or damaged.
    """
    from geoflood.database.index_info import IndexInfo

    return IndexInfo.read(_index_folder(city, index_dir))


@overload
def open(
    city: Path,
    *,
    index_dir: str | Path | None = None,
    precision: str | None = None,
    prior: None = None,
    search: str | None = None,
    beside: None = None,
) -> Locator: ...
@overload
def open(
    city: str | Path | Sequence[str | Path],
    *,
    index_dir: str | Path | None = None,
    precision: str | None = None,
    prior: Mapping[str, float] | None = None,
    search: str | None = None,
    beside: str | Path | None = None,
) -> Locator | Cities: ...
def open(
    city: str | Path | Sequence[str | Path],
    *,
    index_dir: str | Path | None = None,
    precision: str | None = None,
    prior: Mapping[str, float] | None = None,
    search: str | None = None,
    beside: str | Path | None = None,
) -> Locator | Cities:
    """Load the index of a city, given its name or its folder: what locates photos.

    Several, as a list or as "hamburg,bremen", and all that are there, as "auto", are asked together. Then
    the answer also says which city a photo is of. Indexes that cannot be searched are in its `left_out`.

    - `search`: "ray" or "ray://HOST:10001": the workers of a Ray cluster hold the index in parts, where it is
      too large for this computer. It lies where all of them see it; needs `geoflood[ray]`.
    - `prior`: of several, by name, the probability that photos are of a city, stated before looking.
    - `beside`: a backbone: the index CITY-BACKBONE is asked, too, and the answers are pooled. Or the folder
      of such an index, as a Path.

    Raises CityError when there is no such index, IndexUnusableError when it cannot be searched,
    WeightsError when the weights of its backbone are missing, UsageError for a prior that makes no sense, and
    for an index beside it that is not of the same ground or has the same settings, NetworkError where no Ray
    head answers.
    """
    from geoflood.core.errors import UsageError
    from geoflood.database.named_indexes import beside as beside_it
    from geoflood.database.named_indexes import named_indexes
    from geoflood.localize.locator import Locator

    _show_in_notebooks()
    named = named_indexes(city, _path(index_dir))
    if beside is not None:
        named = beside_it(named, beside)
    if named.only is None and not named.one_city:
        from geoflood.localize.cities import open_cities

        return open_cities(named.folders, precision, prior, search=search)
    if prior:
        raise UsageError("a prior says nothing where one city is asked", "name several, or auto")
    if named.only is None:
        from geoflood.localize.ensemble import open_ensemble

        return open_ensemble(named.folders, precision, search=search)
    return Locator(named.only, precision, search=search)


def evaluate(
    city: Locator | Cities | str | Path | Sequence[str | Path],
    queries: str | Path,
    *,
    geotags: str | Path | None = None,
    select: str | None = None,
    utm_zone: str | None = None,
    distances_m: Sequence[float] = (25.0,),
    flood: float = 0.0,
    waterline: float | Literal["true"] | None = None,
    rerank: int | None = None,
    exclude_twins: bool = False,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Measure how right a city's index is, or several asked together, on photos whose places are known.

    - `queries`: a CSV or GeoJSON of photos and positions, or a folder of photos that carry theirs.
    - `geotags`, `select`, `utm_zone`: as in `build_index`.
    - `distances_m`: positive distances, metres; the first says what right is.
    - `flood`: share of each photo's height to put under synthetic water, 0 to 0.9.
    - `waterline`: share of the height that the search is told is under water; "true": where the synthetic
      water ends in each photo; None tells it nothing.
    - `rerank`: candidates whose details are compared with the photo's; 0 for none, None as `locate` does.
    - `exclude_twins`: leave out references of the query's own drive.

    `result.recall[25][1]` is recall@1 within 25 m: the share of queries whose first candidate is so near the
    truth (Arandjelović et al., NetVLAD, CVPR 2016). It counts queries that have a reference within 25 m.

    Raises InputError when no query can be used; queries that cannot be are counted in `result.notes`.
    Raises UsageError for a share outside 0 to 0.9, and for "true" without a flood.
    """
    from geoflood.core.datatypes import no_progress
    from geoflood.evaluation.evaluate import evaluate_queries
    from geoflood.evaluation.query_water import DRY, QueryWater, ToldWaterline

    _check_shares(flood, waterline)
    told = ToldWaterline.TRUE if waterline == "true" else waterline
    return evaluate_queries(
        open(city) if isinstance(city, str | Path | Sequence) else city,
        Path(queries).expanduser(),
        geotags=_path(geotags),
        select=select,
        utm_zone=utm_zone,
        distances_m=distances_m,
        water=QueryWater(flood) if flood else DRY,
        waterline=ToldWaterline.UNTOLD if told is None else told,
        rerank=rerank,
        exclude_twins=exclude_twins,
        workers=workers,
        progress=progress or no_progress,
    )


def to_frame(located: Iterable[Located]) -> pandas.DataFrame:
    """A pandas DataFrame of located photos, a row each, in their order.

    Columns: photo, outcome, lat, lon (degrees), probability, radius_50_m, radius_90_m, not_in_index,
    street, best_match, similarity, credit, licence, reason. A photo that was not found has no position.
    Raises ExtraMissingError where pandas is not installed.
    """
    from geoflood.outputs.frame import to_frame as frame

    return frame(located)


def _check_shares(flood: float, waterline: float | str | None) -> None:
    """Raises UsageError for shares of the height that `evaluate` cannot draw or tell."""
    from geoflood.core.errors import UsageError

    if waterline == "true" and not flood:
        raise UsageError('waterline="true" is that of the flood, and there is none', "such as flood=0.45")
    for share in (flood, 0.0 if waterline in (None, "true") else waterline):
        if not isinstance(share, int | float) or not 0 <= share <= 0.9:
            raise UsageError(f"a share of the height is 0 to 0.9, not {share!r}", "such as 0.45")


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given).expanduser()


def _index_folder(city: str | Path, index_dir: str | Path | None) -> Path:
    from geoflood.core.paths import index_folder

    return index_folder(city, _path(index_dir))
