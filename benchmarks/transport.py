"""Where attention enters SALAD's transport: R@1 of a stand-in for SALAD under a mask, by place and loudness.

    python benchmarks/transport.py DATA [--level 0.45]

The stand-in has SALAD's aggregation and no training: dense RootSIFT patches instead of DINOv2's, 64 words
of the references instead of learned cluster scores, their first 64 principal axes as features, no class
token. Queries get synthetic water over the lower share. Columns: references as they are, or under the same
mask as the query, which is what waterline bands do.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from streets import POSITIVE_M, queries, share

from geoflood.backbones.rootsift import local_descriptors
from geoflood.backbones.salad import ITERATIONS, transport
from geoflood.backbones.threads import side_by_side
from geoflood.backbones.vlad import learn_vocabulary
from geoflood.core.datatypes import Image, StreetImage
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image, resize
from geoflood.core.parallel import cores
from geoflood.imagery.folder import images
from geoflood.synthetic.flood import flood

SIDE = 224
"""Pixels a side: patches of 16 px every 8, 729 of them."""
CLUSTERS, FEATURES = 64, 64
SHARP = 20.0
"""Of cluster scores: as peaked as lets the dustbin take most of what all words resemble alike."""
DUST = torch.tensor(0.0)
FLOOR = 1e-4
"""Weights under a logarithm."""

Plan = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, float]]
"""Scores [1, m, n] and weights [n] -> what clusters are given [1, m, n], and the power of their loudness."""


def after(loudness: float) -> Plan:
    """Place 1: patches keep a share of what they gave; clusters speak by a power of what is left."""
    return lambda scores, w: (transport(scores, DUST) * w, loudness)


def marginals(scores: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Place 2: patches bring mass in proportion to their weight, and clusters fill up with that."""
    w = w.clamp_min(FLOOR) / w.clamp_min(FLOOR).mean()
    m, n = scores.shape[1:]
    scores = torch.cat([scores, DUST.expand(1, 1, n)], 1)
    rows = scores.new_zeros(m + 1, 1)
    rows[m] = math.log(n - m)
    v = scores.new_zeros(1, 1, n)
    for _ in range(ITERATIONS):
        u = rows - torch.logsumexp(scores + v, 2, keepdim=True)
        v = w.log() - torch.logsumexp(scores + u, 1, keepdim=True)
    return (scores + u + v).exp()[:, :m], 0.0


def dustbin(scores: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Place 3: what is not attended to is thrown away more easily."""
    return transport(scores + w.clamp_min(FLOOR).log(), DUST), 0.0


PLACES: dict[str, Plan] = {
    "1 after the transport": after(0.0),
    "1 + loudness ^ 1/4": after(0.25),
    "1 + loudness ^ 1/2": after(0.5),
    "1 + loudness ^ 1 (place 4)": after(1.0),
    "2 patch marginals": marginals,
    "3 dustbin score": dustbin,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--level", type=float, default=0.45)
    options = parser.parse_args()
    found = images([options.data], options.data / "images.csv", select="split=database")
    references = [one for one in found if isinstance(one, StreetImage)]
    asked = queries(options.data)
    positions = np.array([(r.geotag.position.lat, r.geotag.position.lon) for r in references])
    near = np.stack([distance_m(positions, position) <= POSITIVE_M for position in asked.positions])
    with side_by_side(cores()) as pool:
        stored = list(pool.map(lambda one: patches(read_image(Path(one.location))), references))
        wet = [flood(read_image(path), options.level, n)[0] for n, path in enumerate(asked.paths)]
        drowned = list(pool.map(patches, wet))
    salad = StandIn(torch.cat([local[::7] for local in stored]))
    mask = (seen(np.zeros((SIDE, SIDE, 3), np.uint8))[1][:, 1] <= 1 - options.level).float()
    usable: NDArray[np.bool_] = np.asarray(near.any(axis=1))
    everywhere = torch.ones_like(mask)
    dry, untold = (salad.all(photos, after(0.0), everywhere) for photos in (stored, drowned))
    print(f"{usable.sum()} queries, {len(stored)} references, water over {options.level:.0%}; R@1 in percent")
    print(f"{'nothing done':28}{recall(untold, dry, near, usable)}")
    for name, place in PLACES.items():
        query, masked = salad.all(drowned, place, mask), salad.all(stored, place, mask)
        both = recall(query, masked, near, usable)
        print(f"{name:28}{recall(query, dry, near, usable)}   both masked {both}", flush=True)


class StandIn:
    """SALAD's aggregation over patches whose words and axes come from samples [n, 128]."""

    def __init__(self, samples: torch.Tensor) -> None:
        self.words = F.normalize(learn_vocabulary(samples, CLUSTERS).words, dim=1)
        self.mean = samples.mean(0)
        self.axes = torch.pca_lowrank(samples[:20_000], FEATURES)[2]

    def all(self, photos: list[torch.Tensor], place: Plan, weights: torch.Tensor) -> torch.Tensor:
        """Descriptors [N, 64 x 64] under weights [n]."""
        return torch.stack([self.one(local, place, weights) for local in photos])

    def one(self, local: torch.Tensor, place: Plan, weights: torch.Tensor) -> torch.Tensor:
        scores = SHARP * (local @ self.words.T)
        scores = (scores - scores.max(dim=1, keepdim=True).values.median()).T[None]
        plan, power = place(scores, weights)
        left = plan.sum(-1) / transport(scores, DUST).sum(-1).clamp_min(1e-12)
        clusters = F.normalize(plan @ ((local - self.mean) @ self.axes), dim=-1)
        return F.normalize((clusters * left.clamp_min(1e-12).pow(power)[..., None]).flatten(), dim=0)


def patches(photo: Image) -> torch.Tensor:
    """RootSIFT [n, 128] over the photo squashed to a square, as SALAD does."""
    return seen(resize(photo, SIDE, SIDE))[0]


def seen(square: Image) -> tuple[torch.Tensor, torch.Tensor]:
    """RootSIFT [n, 128] of every other patch both ways, and its places [n, 2]."""
    features = local_descriptors(torch.from_numpy(square).permute(2, 0, 1)[None].float().div_(255))
    side = math.isqrt(len(features))
    chosen = torch.arange(side**2).view(side, side)[::2, ::2].flatten()
    return features.values.descriptors[0, chosen, :128], features.places[chosen]


def recall(queries: torch.Tensor, references: torch.Tensor, near: np.ndarray, usable: np.ndarray) -> str:
    first = (queries @ references.T).argmax(dim=1).numpy()
    return share(near[np.arange(len(first)), first][usable])


if __name__ == "__main__":
    main()
