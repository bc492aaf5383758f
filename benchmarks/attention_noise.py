"""How good must a vision-language model be to help? R@1 under water, its answers made worse step by step.

    python benchmarks/attention_noise.py DATA [--work DIR] [--level 0.45] [--every 2] [--consistency 1]

DATA is a folder with images.csv: image, lat, lon, split (database or query). The model is simulated. It
answers, in the form `cells` and through the same reading as a real one, what is true of the photo: which
rows are water, which cells show structure. Then cells are replaced by chance, the waterline is moved, the
answer mirrored, turned upside down, or blank. Nothing here says how good a real model is; it says what each
fault costs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from streets import Queries, arguments, first_is_right, indexed, queries, share

from geoflood.backbones.interface import Features
from geoflood.core.datatypes import AttentionMap, Image, Vectors
from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.localize.attention import blend, sample
from geoflood.localize.locator import Locator
from geoflood.localize.waterline import belief
from geoflood.synthetic.flood import flood
from geoflood.vlm.attend import DOUBT
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.canvas import VIEWS
from geoflood.vlm.client import Answer, Asker, AskOptions, ModelRecord, Prompt

ALPHAS = (0.0, 0.25, 0.5, 1.0)
CELLS = 4


@dataclass(frozen=True)
class Fault:
    """What is wrong with every answer of a model."""

    name: str
    cells: float = 0.0
    """Share of cells, and of rows' water, that are replaced by chance."""
    water: float = 0.0
    """By how much the waterline is off, up or down."""
    mirrored: bool = False
    upside_down: bool = False
    blank: bool = False


FAULTS = (
    Fault("true"),
    Fault("10 % of cells by chance", cells=0.1),
    Fault("25 % of cells by chance", cells=0.25),
    Fault("50 % of cells by chance", cells=0.5),
    Fault("all cells by chance", cells=1.0),
    Fault("waterline off by 5 %", water=0.05),
    Fault("waterline off by 10 %", water=0.1),
    Fault("waterline off by 20 %", water=0.2),
    Fault("left for right", mirrored=True),
    Fault("upside down", upside_down=True),
    Fault("blank", blank=True),
)


@dataclass
class Simulated:
    """An asker that knows one photo, and says it with a fault."""

    structure: NDArray[np.float64]
    """[S, S] of the photo: how much lasts and can be recognised, 0..1."""
    water: NDArray[np.float64]
    """[S] share of each row that is water."""
    fault: Fault
    random: np.random.Generator
    capacity: int = 1
    record: ModelRecord = field(
        default_factory=lambda: ModelRecord("simulated", "truth", "127.0.0.1", sees=True)
    )

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        """What is true of the cells of the view, made worse."""
        names = list(schema["properties"]["f_cells"]["properties"])
        side = math.isqrt(len(names))
        view = next(view for view in VIEWS if view.name == prompt.view)
        edges = np.rint(view.edges(side - view.shifted) * len(self.water)).astype(int)
        shown = self.structure[:, ::-1] if view.mirrored else self.structure
        spans = list(pairwise(edges))
        scores = np.array([[shown[slice(*row), slice(*column)].mean() for column in spans] for row in spans])
        rows = np.array([self.water[slice(*row)].mean() for row in spans])
        said = self._worse(np.rint(9 * scores).astype(int), rows)
        return Answer(_json(names, *said), done_reason="stop")

    def _worse(self, scores: NDArray[Any], rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], int]:
        """(scores, tenths of rows under water, tenths of the height) with the fault in them."""
        fault, chance = self.fault, self.random
        line = float(self.water.mean())
        if fault.water:
            line = float(np.clip(line + fault.water * chance.choice([-1, 1]), 0, 0.9))
            rows = ((np.arange(len(rows)) + 1) - (1 - line) * len(rows)).clip(0, 1)
        if fault.mirrored:
            scores = scores[:, ::-1]
        if fault.upside_down:
            scores, rows = scores[::-1], rows[::-1]
        tenths = np.rint(9 * rows).astype(int)
        if fault.blank:
            scores, tenths, line = np.full_like(scores, 5), np.full_like(tenths, 5), 0.5
        scores = np.where(
            chance.random(scores.shape) < fault.cells, chance.integers(0, 10, scores.shape), scores
        )
        tenths = np.where(chance.random(len(rows)) < fault.cells, chance.integers(0, 10, len(rows)), tenths)
        return scores, tenths, round(10 * line)

    def close(self) -> None:
        """Nothing is open."""


def _json(names: Sequence[str], scores: NDArray[Any], rows: NDArray[Any], line: int) -> str:
    letters = dict.fromkeys(name[0] for name in names)
    answer: dict[str, Any] = {
        "a_reason": "",
        "b_scene": "complex",
        "c_localizable": 7,
        "d_water": min(line, 9),
    }
    answer |= {"e_text": [], "f_cells": dict(zip(names, scores.ravel().tolist(), strict=True))}
    return json.dumps(answer | {"g_water": dict(zip(letters, rows.tolist(), strict=True))})


def structure(dry: Image, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[S, S] what lasts and can be recognised: edges of the dry photo where no water is, 0..1."""
    grey = dry.mean(axis=2)
    slope = np.hypot(*np.gradient(grey))
    side = 48
    rows = np.linspace(0, len(grey), side + 1).astype(int)[:-1]
    columns = np.linspace(0, grey.shape[1], side + 1).astype(int)[:-1]

    def pooled(values: NDArray[Any]) -> NDArray[Any]:
        sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
        return np.asarray(sums / np.add.reduceat(np.add.reduceat(np.ones_like(values), rows, 0), columns, 1))

    edges, wet = pooled(slope), pooled(mask.astype(float))
    strong = np.quantile(edges[wet < 0.5], 0.7) if (wet < 0.5).any() else 1.0
    return np.asarray((edges / max(strong, 1e-6)).clip(0, 1) * (1 - wet))


@dataclass(frozen=True, eq=False)
class Shown:
    """A flooded photo whose local features are there already."""

    locator: Locator
    features: Features
    truth: NDArray[np.float64]

    def hit(self, weights: NDArray[np.float32], mix: NDArray[np.float32]) -> bool:
        """Whether the first candidate is right under weightings [bands, L] and a belief in the bands."""
        describer = self.locator.describer
        with torch.inference_mode():
            raw = describer.backbone.aggregate(self.features, torch.from_numpy(weights)[None])
            found = raw if describer.projection is None else describer.projection.apply(raw)
        vectors: Vectors = found.float().numpy()
        return first_is_right(self.locator, vectors, mix, self.truth)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--level", type=float, default=0.45)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--consistency", type=int, default=1)
    options = parser.parse_args()
    locator = indexed(options.data, options.work or Path(mkdtemp()))
    asked = queries(options.data)
    positive = np.flatnonzero(asked.with_positive(locator.database.positions))[:: options.every]
    print(f"{len(positive)} queries, {options.level:.0%} water, consistency {options.consistency}")

    def one(number: int) -> tuple[list[bool], list[list[bool]]]:
        return trial(locator, asked, int(number), options.level, options.consistency)

    with ThreadPoolExecutor(cores()) as pool:
        trials = list(pool.map(one, positive))
    plain = np.array([known for known, _ in trials])
    for name, column in zip(("nothing done", "bands untold", "bands told truly"), plain.T, strict=True):
        print(f"{name:26}{share(column)}")
    print(
        "the model's answers        query only, alpha 1   bands with its waterline, alpha "
        + "  ".join(map(str, ALPHAS))
    )
    faulty = np.array([ways for _, ways in trials])
    for number, fault in enumerate(FAULTS):
        print(f"{fault.name:26}" + "   ".join(share(column) for column in faulty[:, number].T), flush=True)


def trial(
    locator: Locator, asked: Queries, number: int, level: float, consistency: int
) -> tuple[list[bool], list[list[bool]]]:
    """Hits without a model, and with each fault of the model in each way of using it."""
    dry = read_image(asked.paths[number], 1024)
    photo, mask = flood(dry, level, seed=number)
    backbone, bands = locator.describer.backbone, locator.settings.bands
    pixels = torch.from_numpy(backbone.prepare(photo)[None]).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        features = backbone.features(pixels)
    shown = Shown(locator, features, asked.positions[number])
    places = features.places.numpy()
    nested, first = band_weights(places, bands), np.eye(len(bands), dtype=np.float32)[0]
    known = [shown.hit(nested, mix) for mix in (first, belief(None, bands), belief(level, bands))]
    lasting, water = structure(dry, mask), mask.mean(axis=1)
    ways = []
    for fault in FAULTS:
        random = np.random.default_rng([number, FAULTS.index(fault)])
        model: Asker = Simulated(
            lasting, water[np.linspace(0, len(water) - 1, 48).astype(int)], fault, random
        )
        seen = AttentionAsker(model, cells=CELLS, consistency=consistency, prior=False).read(photo).attention
        ways.append(used(shown, seen, nested, places, bands))
    return known, ways


def used(
    shown: Shown,
    seen: AttentionMap,
    nested: NDArray[np.float32],
    places: NDArray[np.float32],
    bands: Sequence[int],
) -> list[bool]:
    """Hits with the attention on the query alone, then with bands at each alpha."""
    weights = sample(seen, places)
    first = np.eye(len(bands), dtype=np.float32)[0]
    mix = belief(seen.waterline, bands, DOUBT)
    alone = shown.hit(np.repeat(blend(weights, 1.0)[None], len(bands), axis=0), first)
    return [alone, *(shown.hit(nested * blend(weights, alpha), mix) for alpha in ALPHAS)]


if __name__ == "__main__":
    main()
