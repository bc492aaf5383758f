"""Every value that passes between rooms: frozen, checked when made, free of any library but numpy.

Degrees, metres, square kilometres, UTC. Headings run clockwise from true north. Positions are
(lat, lon) everywhere in code; (lon, lat) exists only inside GeoJSON and KML writers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from geoflood.core.notebook_hook import html_of

__all__ = [
    "DEFAULTS",
    "MOST_COMPARED",
    "AttentionMap",
    "Blend",
    "Bounds",
    "Box",
    "Candidate",
    "Cell",
    "Cells",
    "City",
    "CityAnswer",
    "CityShare",
    "Estimate",
    "Geotag",
    "Image",
    "LatLon",
    "Located",
    "MaskSides",
    "Outcome",
    "PictureText",
    "Progress",
    "Projection",
    "Query",
    "Reason",
    "ReasonKind",
    "Reference",
    "Rejected",
    "SearchOptions",
    "SignPlace",
    "StreetImage",
    "StreetWords",
    "TextSort",
    "Vectors",
    "VisibleArea",
    "no_progress",
]

Image: TypeAlias = NDArray[np.uint8]
"""Pixels, upright, sRGB: shape [height, width, 3]."""

Vectors: TypeAlias = NDArray[np.float32]
"""Descriptors, unit rows: shape [N, bands, D], or [N, D] where there is one band."""


Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (stage, done, total) as work goes on, from one thread; total 0 when unknown."""


def no_progress(stage: str, done: int, total: int) -> None:
    """The Progress of nobody."""


class Box(NamedTuple):
    """A part of a picture, px; right and bottom are the first column and row outside."""

    left: int
    top: int
    right: int
    bottom: int

    def cut(self, image: Image) -> Image:
        """That part of the picture [H, W, 3]: a view of its pixels, no copy."""
        return image[self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True, slots=True)
class LatLon:
    """A position on WGS 84, degrees. Raises ValueError outside [-90, 90] x [-180, 180]."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (-90.0 <= self.lat <= 90.0 and -180.0 <= self.lon <= 180.0):  # NaN fails too
            raise ValueError(f"not a position: lat {self.lat}, lon {self.lon}")


@dataclass(frozen=True, slots=True)
class Bounds:
    """A box that does not cross the antimeridian, degrees. Raises ValueError when turned inside out."""

    south: float
    west: float
    north: float
    east: float

    def __post_init__(self) -> None:
        if not (-90 <= self.south <= self.north <= 90 and -180 <= self.west <= self.east <= 180):
            raise ValueError(f"not a box: {self.south},{self.west},{self.north},{self.east}")


@dataclass(frozen=True, slots=True)
class Geotag:
    """Where, and as far as known which way and when, an image was taken."""

    position: LatLon
    origin: str
    """What says so: exif, filename, csv, geojson; later mapillary, panoramax, kartaview."""
    heading_deg: float | None = None
    """Of the image's centre, clockwise from true north, [0, 360)."""
    accuracy_m: float | None = None
    taken_at: datetime | None = None
    """UTC where the source says so, else the camera's local time; always without tzinfo."""
    pitch_deg: float | None = None
    """Of the image's centre over the horizon, [-90, 90]; 0 for a panorama that was levelled."""
    roll_deg: float | None = None
    """How far the image is turned clockwise as seen from behind the camera, (-180, 180]."""


class Projection(StrEnum):
    """How a street image maps directions to pixels."""

    PERSPECTIVE = "perspective"
    EQUIRECTANGULAR = "equirectangular"
    UNKNOWN = "unknown"
    """To be told from the pixels: 2:1 or a GPano tag means equirectangular."""


@dataclass(frozen=True, slots=True)
class VisibleArea:
    """The part of the sphere that a cropped panorama shows, as shares of a whole one's width and height.

    Raises ValueError for a part that is empty or reaches outside.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise ValueError(f"not a part of a panorama: {self}")


@dataclass(frozen=True, slots=True)
class StreetImage:
    """A geotagged image that a source offers as a reference."""

    key: str
    """Unique in the city and stable over runs, such as "mapillary:1234" or "folder:a/b.jpg"."""
    location: str
    """A path or a URL."""
    geotag: Geotag
    projection: Projection = Projection.UNKNOWN
    licence: str = ""
    """SPDX, such as CC-BY-SA-4.0; empty when unknown."""
    credit: str = ""
    link: str = ""
    """The page of the image, which licences such as CC BY-SA ask for; empty when there is none."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An image, post or row that could not be used: a value, counted and shown."""

    location: str
    reason: str
    """A short phrase out of a small set, so that it can be counted: "no position"."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """One view in the index: a street image, or a tile of a panorama."""

    id: int
    """Also the row of its vectors; where several indexes are asked together, counted on through them all."""
    image_key: str
    position: LatLon
    location: str
    heading_deg: float | None = None
    fov_deg: float | None = None
    """Horizontal field of view; None when unknown."""
    licence: str = ""
    credit: str = ""
    taken_at: datetime | None = None
    tile_deg: float | None = None
    """Of a panorama's tile: how far right of the panorama's centre column it was cut. None: a whole image."""
    link: str = ""
    """The page of the image."""


@dataclass(frozen=True, slots=True)
class Query:
    """A photo to be located."""

    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class AttentionMap:
    """Which parts of a photo speak for its place.

    Raises ValueError when a weight is not finite or outside [0, 2], or the waterline outside [0, 1).
    """

    weights: NDArray[np.float32]
    """[rows, cols] over the whole upright frame, row 0 on top, each in [0, 2]; 1 is neutral."""
    waterline: float | None = None
    """Share of the height, from the bottom, that is under water; None when nothing is known."""
    provider: str = "none"
    """Who says so: none, analyst, file, ollama:MODEL, openai:MODEL."""
    reasons: tuple[str, ...] = ()
    doubt: float = 0.0
    """Share of the belief that the waterline is elsewhere altogether: larger for a model than a person."""

    def __post_init__(self) -> None:
        w = self.weights
        if w.ndim != 2 or not w.size or not bool(np.isfinite(w).all()) or w.min() < 0 or w.max() > 2:
            raise ValueError("an attention map is a grid of weights between 0 and 2")
        if self.waterline is not None and not 0 <= self.waterline < 1:
            raise ValueError(f"a waterline is a share of the height from 0 to below 1, not {self.waterline}")
        if not 0 <= self.doubt <= 1:
            raise ValueError(f"a doubt is a share from 0 to 1, not {self.doubt}")

    @classmethod
    def neutral(cls, waterline: float | None = None, provider: str = "none", *reasons: str) -> AttentionMap:
        """A map that changes nothing: every weight 1."""
        return cls(np.ones((1, 1), np.float32), waterline, provider, reasons)

    @property
    def uniform(self) -> bool:
        """Every weight is the same, so the descriptor is the plain one."""
        return bool((self.weights == self.weights.flat[0]).all())


class Blend(StrEnum):
    """How an attention map is mixed with a photo's features; `geoflood.localize.attention` has the
    formulas."""

    CONTINUOUS = "continuous"
    """With alpha, from the plain descriptor to pure attention without a jump."""
    PAPER = "paper"
    """As VPR-AttLLM's code does (arXiv 2512.11811): with the features' own energy."""


class MaskSides(StrEnum):
    """Which side of a comparison ignores what is under water."""

    BOTH = "both"
    """Query and references, under the same waterline: the bands."""
    QUERY = "query"
    """The query only, as VPR-AttLLM does (arXiv 2512.11811); nothing when no waterline is told."""
    NONE = "none"
    """Neither: place recognition as it comes."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How photos are searched for, all of them alike."""

    top_k: int = 10
    """Candidates that are kept of each."""
    alpha: float = 1.0
    """How much the attention counts, 0 to 1."""
    blend: Blend = Blend.CONTINUOUS
    mask_sides: MaskSides = MaskSides.BOTH
    rerank: int | None = None
    """Candidates that are re-ranked; 0: none.

    None: as many as `geoflood.localize.locator.RERANKED`.
    """


DEFAULTS = SearchOptions()
"""Without options."""


class TextSort(StrEnum):
    """What words in a picture are: only signs speak for a place."""

    SIGN = "sign"
    """They stay where they are: street signs, names of shops."""
    OVERLAY = "overlay"
    """They were put on the picture: captions, watermarks, times, names of accounts."""
    PLATE = "plate"
    """Of a vehicle, or alike one; its letters are never kept."""
    NUMBER = "number"
    """Of a phone, or as long as one; its digits are never kept."""


@dataclass(frozen=True, slots=True)
class PictureText:
    """A line of text in a picture, as a program reads it."""

    text: str
    quad: tuple[tuple[float, float], ...]
    """Its four corners (x, y), shares of the frame, in reading order from the upper left one."""
    confidence: float
    """Of the reader in its letters, [0, 1]."""
    sort: TextSort = TextSort.SIGN

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom around it, shares of the frame."""
        xs, ys = zip(*self.quad, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def area(self) -> float:
        """Of its box, share of the frame."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


@dataclass(frozen=True, slots=True)
class SignPlace:
    """A place of the city that a sign in a photo names, by the street map: a street, or what stands there."""

    sign: str
    """As it was read."""
    name: str
    """As the map has it."""
    position: LatLon
    """Of it, what is nearest to the answer; somewhere in its middle without one."""
    away_m: float | None = None
    """From the answer's position; None without one. A sign may also point to what is far away."""
    credit: str = ""
    """Whom the name is of: it goes wherever the name goes."""


MOST_COMPARED = 2.0
"""Log-odds that no comparison of places may exceed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reference that may show the query's place."""

    reference: Reference
    similarity: float
    """Cosine of the descriptors, mixed over the waterline bands: [-1, 1]."""
    inliers: int | None = None
    verdict: str | None = None
    """Of a model that compared the two: same, different, cannot_say; None when none was asked."""
    verdict_reason: str = ""
    street: str = ""
    """Where the reference stands; empty without a street map."""
    shared_words: tuple[str, ...] = ()
    """Rare words on signs of the query that this reference shows, too, the most telling first."""
    pairs: tuple[tuple[float, float, float, float], ...] = ()
    """Some of the inliers, (x, y) in the query and (x, y) in the reference, shares of the frame, y downwards.

    Only of candidates whose inliers were counted, and of a query that was searched as it is: neither cut out
    of a frame nor turned round.
    """
    comparison: float | None = None
    """Log-odds of its place after a model saw several places side by side; None when it did not.

    At most ±MOST_COMPARED; 0 where the model agreed with itself on nothing.
    """


@dataclass(frozen=True, slots=True)
class Cell:
    """A square of the search area."""

    centre: LatLon
    size_m: float
    probability: float
    """Of the photo having been taken in it, given that its place is in the index."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells(Sequence[Cell]):
    """Cells of one size as arrays: an area has thousands, and few are ever looked at one by one."""

    centres: NDArray[np.float64]
    """[n, 2] (lat, lon)."""
    probabilities: NDArray[np.float64]
    """[n]."""
    size_m: float

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> Cells:
        """The same cells as arrays. Raises ValueError when they differ in size."""
        if isinstance(cells, Cells):
            return cells
        sizes = {cell.size_m for cell in cells} or {0.0}
        if len(sizes) > 1:
            raise ValueError(f"cells of {len(sizes)} sizes")
        centres = [(cell.centre.lat, cell.centre.lon) for cell in cells]
        probabilities = np.array([cell.probability for cell in cells], float)
        return cls(np.array(centres, float).reshape(-1, 2), probabilities, sizes.pop())

    def __len__(self) -> int:
        return len(self.probabilities)

    def __iter__(self) -> Iterator[Cell]:
        for (lat, lon), probability in zip(self.centres.tolist(), self.probabilities.tolist(), strict=True):
            yield Cell(LatLon(lat, lon), self.size_m, probability)

    @overload
    def __getitem__(self, at: int) -> Cell: ...
    @overload
    def __getitem__(self, at: slice) -> Cells: ...
    def __getitem__(self, at: int | slice) -> Cell | Cells:
        if isinstance(at, slice):
            return Cells(self.centres[at], self.probabilities[at], self.size_m)
        lat, lon = self.centres[at].tolist()
        return Cell(LatLon(lat, lon), self.size_m, float(self.probabilities[at]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A position with the area to search and how far to trust it.

    Probabilities speak of the camera's place. `not_in_index` and the cells answer two questions:
    is the place in this index at all, and if so, where.
    """

    position: LatLon
    """The mode, not the mean: errors are bimodal, and between two candidates there is nothing."""
    probability: float
    """That the position is right within `tolerance_m`, [0, 1]; covers "not in this index"."""
    radius_50_m: float
    radius_90_m: float
    """Around the position, holding the place with 50 and 90 % if it is in the index."""
    search_area: Sequence[Cell]
    """Most probable first, until 90 % are reached."""
    not_in_index: float
    """Share of the belief that the place is not in this index, or not in the searched box, [0, 1]."""
    tolerance_m: float = 25.0
    verified: bool = False
    """Details of the photo agree with the place well above what wrong candidates have, or several
    independent candidates show it."""
    boxed: bool = False
    """Only a box of the index was searched: `not_in_index` says that the place is not in it."""
    in_other_index: float = 0.0
    """Share of the belief that the place is in another index than this position's, [0, 1]."""
    asked: int = 1
    """Indexes that were asked together: `not_in_index` says that the place is in none of them."""

    @property
    def in_this_index(self) -> float:
        """Share of the belief that the place is in the index of this position, as far as it was searched."""
        return max(0.0, 1.0 - self.not_in_index - self.in_other_index)

    @property
    def area_km2(self) -> float:
        """Of the 90 % search area."""
        return math.fsum(cell.size_m**2 for cell in self.search_area) / 1e6

    def cells(self, share: float) -> Cells:
        """The fewest most probable cells that hold `share` of the belief."""
        area = Cells.of(self.search_area)
        enough = np.searchsorted(np.cumsum(area.probabilities), share - 1e-9)
        return area[: int(enough) + 1]


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """What an index covers, for people: shown by `cities` and `info`, drawn under every map."""

    name: str
    references: int
    images: int
    backbone: str
    coverage: NDArray[np.float64]
    """Positions of the images, [N, 2] (lat, lon): what can be found, and no more."""
    credits: tuple[tuple[str, str, int], ...] = ()
    """(credit, licence, images), most images first."""


class Outcome(StrEnum):
    """What a responder is told first; `geoflood.localize.outcome` has the one rule."""

    LOCATED = "located"
    """Right in at least nine of ten such answers, and verified."""
    LIKELY = "likely"
    """Right in at least six of ten."""
    UNCERTAIN = "uncertain"
    NOT_FOUND = "not-found"
    FAILED = "failed"


_PLACED = frozenset((Outcome.LOCATED, Outcome.LIKELY, Outcome.UNCERTAIN))
"""Outcomes that name a place to go to."""


class ReasonKind(StrEnum):
    """Why an outcome is what it is, or what else to know of it; `outputs.wording` has the sentences."""

    ONE_PLACE = "one place stands out"
    LIKELY_PLACE = "one place is likely"
    UNVERIFIED = "one place is likely, too few details agree"
    SEVERAL_PLACES = "several places fit"
    PERHAPS_ELSEWHERE = "one place fits, perhaps it is elsewhere"
    UNTRIED_INDEX = "one place fits, the index was never tried out"
    NOT_IN_INDEX = "not in this index"
    NOTHING_ALIKE = "nothing alike"
    PERHAPS_OUTSIDE = "one place fits, perhaps it is outside the searched box"
    NOT_IN_BOX = "not in the searched box"
    IN_NONE = "in none of the indexes"
    PERHAPS_IN_NONE = "one place fits, perhaps it is in none of the indexes"
    SEVERAL_CITIES = "several cities fit"
    NOTHING_ALIKE_IN_BOX = "nothing alike in the searched box"
    EMPTY_BOX = "no reference in the searched box"
    NOTHING_PERMANENT = "nothing permanent in the photo"
    UNREADABLE = "unreadable"
    NOT_A_NUMBER = "a similarity is not a number"
    MODEL_FAILED = "the model failed"
    SEARCH_FAILED = "the search failed"
    FEW_PLACES = "calibrated on few places"
    NEVER_CALIBRATED = "never calibrated"
    ONE_DAY = "calibrated on one day"
    PICTURES_GONE = "pictures gone"
    PARTLY_SEARCHED = "a part of the index was not searched"
    FRAMED = "a photo inside a frame"
    MIRRORED = "a mirrored photo"
    WATERLINE_FOUND = "the waterline was found in the photo"
    VERIFICATION = "verification"
    NO_STREETS = "the street map cannot be used"
    NO_ATTENTION = "searched without attention"
    NO_SIGNS = "signs were not read"
    CITY_STATED = "what was stated of the city"
    WORLD_PRIOR = "the look of the land"
    CITY_SILENT = "an index could not answer"
    SAME_GROUND = "indexes of the same ground"
    MEMBERS_AGREE = "indexes of one city agree"
    MEMBERS_DISAGREE = "indexes of one city disagree"
    RECORDED = "recorded"
    """A sentence of a result that was written before reasons had kinds."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A kind of reason, with the numbers or the detail that its sentence needs."""

    kind: ReasonKind
    share: float | None = None
    """The probability it speaks of."""
    count: int | None = None
    detail: str = ""
    """Foreign words: an error's, a model's, an older result's."""

    @classmethod
    def recorded(cls, sentence: str) -> Reason:
        """A sentence as it was written."""
        return cls(ReasonKind.RECORDED, detail=sentence)


@dataclass(frozen=True, slots=True)
class StreetWords:
    """An estimate in the words of a street map."""

    place: str
    """Such as "Market Hill, near Petty Cury, looking south"; several streets where it may be at several."""
    area: tuple[tuple[str, float], ...] = ()
    """(street, its share of the belief in the search area), largest first."""
    gap: str = ""
    """Streets beside the place that have no street image, in a sentence, or nothing."""
    credit: str = ""
    """Whom the names are of: it goes wherever they go."""


@dataclass(frozen=True, slots=True)
class CityShare:
    """How much of the belief an index has, of several that were asked together."""

    city: str
    """Name of the index."""
    probability: float
    """That the photo's place is in it, [0, 1]. Those of all indexes and "in none of them" sum to 1."""
    same_place: bool = False
    """It is of the same ground as the answer's index and names the same place: it counts with that one."""


@dataclass(frozen=True, slots=True)
class CityAnswer:
    """What the runner-up says, where no city is likely enough to be shown alone."""

    city: str
    estimate: Estimate
    candidates: tuple[Candidate, ...] = ()
    streets: StreetWords | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """Everything that is known of a query after locating it."""

    query: Query
    outcome: Outcome
    reason: Reason
    candidates: tuple[Candidate, ...] = ()
    estimate: Estimate | None = None
    attention: AttentionMap | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time a stage."""
    notes: tuple[Reason, ...] = ()
    """What else a responder should know: how weak the index is, what could not be compared."""
    streets: StreetWords | None = None
    """None without a street map, or without an estimate."""
    texts: tuple[PictureText, ...] = ()
    """Words in the photo, as it was searched, largest first; none where nobody looked for them."""
    sign_places: tuple[SignPlace, ...] = ()
    """What its signs name of the city; none without a street map."""
    city: str = ""
    """Name of the index that the answer is of, where several were asked together; else empty."""
    cities: tuple[CityShare, ...] = ()
    """The share of each index that was asked, likeliest first; empty where only one was asked for."""
    other: CityAnswer | None = None
    """The runner-up's answer, where `city` is not likely enough to be shown alone."""

    @property
    def city_probability(self) -> float | None:
        """That the place is in `city`, [0, 1], or in those of `cities` that count with it."""
        return self.estimate.in_this_index if self.city and self.estimate else None

    @property
    def shown_candidates(self) -> tuple[Candidate, ...]:
        """Those of the answer, then those of the runner-up where it is shown."""
        return (*self.candidates, *(self.other.candidates if self.other else ()))

    @property
    def other_city(self) -> CityShare | None:
        """The likeliest of the indexes that were asked, besides `city` and those that count with it."""
        others = (one for one in self.cities if one.city != self.city and not one.same_place)
        return next(others, None)

    @property
    def position(self) -> LatLon | None:
        """Where the photo was taken, WGS 84 degrees; None where there is no estimate."""
        return self.estimate.position if self.estimate else None

    @property
    def probability(self) -> float:
        """That the position is right within 25 m, [0, 1]; 0 without an estimate."""
        return self.estimate.probability if self.estimate else 0.0

    @property
    def radius_90_m(self) -> float | None:
        """Metres around the position that hold the place with 90 %, if it is in the index."""
        return self.estimate.radius_90_m if self.estimate else None

    @property
    def place(self) -> Estimate | None:
        """The estimate, if a responder may go by it: a place that was not found has none to be drawn."""
        return self.estimate if self.outcome in _PLACED else None

    def _repr_html_(self) -> str | None:
        """For notebooks: verdict, pictures, coordinates. None, where nobody has said how, shows the text."""
        return html_of(self)
