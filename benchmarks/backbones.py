"""How fast published backbones describe, side by side in one run, and what the speed costs in accuracy.

    python benchmarks/backbones.py FOLDER [--backbone salad] [--images 16] [--rounds 3] [--mosaic]
    python benchmarks/backbones.py FOLDER --accuracy [--images 64]

FOLDER holds street photos. Weights are random: the arithmetic does not care, but what is said about accuracy
is weak evidence. `files to descriptors` is the path of `geoflood describe`; `forward alone` runs the same
network in the same precision with the same threads on tensors in memory; the plain loops are what anybody
would write: Pillow, float32, torch's own threads. They are interleaved; the best of each counts, for machines
are noisy. On one that others use too, the processor's seconds say more than the clock's.
`--mosaic` lays the photos out to pictures of 12 megapixels first, which is what phones take.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as Pictures

from geoflood.backbones.catalog import Checkpoint, find
from geoflood.backbones.compute import Compute
from geoflood.backbones.describe import Describer
from geoflood.backbones.network import Network
from geoflood.backbones.published import Published, build
from geoflood.backbones.skeletons import skeleton
from geoflood.backbones.threads import side_by_side
from geoflood.backbones.untrained import untrained
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
LONGEST = 1024
DRY = partial(band_weights, bands=(0,))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", action="append", default=[])
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mosaic", action="store_true")
    parser.add_argument("--accuracy", action="store_true")
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*.jpg"))
    spread = paths[:: max(1, len(paths) // options.images)][: options.images]
    with TemporaryDirectory() as work:
        if options.mosaic:
            spread = [mosaic(paths, n, Path(work)) for n in range(options.images)]
        for name in options.backbone or ["cosplace-resnet50-512", "salad"]:
            row = find(name)
            if options.accuracy:
                accuracy(row, spread)
            else:
                speed(row, spread, options.rounds)


def mosaic(paths: Sequence[Path], number: int, work: Path) -> Path:
    """A JPEG of 4032 x 3024 pixels, laid out of photos."""
    picture = Pictures.new("RGB", (4032, 3024))
    for tile in range(8 * 6):
        photo = Pictures.open(paths[(number * 48 + tile * 7) % len(paths)]).resize((504, 504))
        picture.paste(photo, (tile % 8 * 504, tile // 8 * 504))
    path = work / f"{number}.jpg"
    picture.save(path, quality=92)
    return path


def speed(row: Checkpoint, paths: Sequence[Path], rounds: int) -> None:
    state, compute = untrained(row), Compute.best()
    network = build(row.name, compute, state)
    describer = Describer(network, None, compute.batch, one_at_a_time=compute.one_at_a_time)
    loaded = [published(row, path) for path in paths]
    batches = [torch.stack(loaded[n : n + compute.batch]) for n in range(0, len(loaded), compute.batch)]
    researcher = skeleton(row)
    researcher.load_state_dict(state, assign=True)
    researcher.to(compute.device).eval()
    ways: dict[str, Callable[[], object]] = {
        "forward alone": lambda: forward(network, batches),
        "files to descriptors": lambda: list(describer.describe_files(paths, DRY, LONGEST, cores())),
        "plain loop, batch 1": lambda: plain(row, researcher, paths, 1),
        "plain loop, batch 16": lambda: plain(row, researcher, paths, 16),
    }
    best = dict.fromkeys(ways, (float("inf"), float("inf")))
    for _ in range(rounds):
        for name, way in ways.items():
            clock, processor = time.perf_counter(), time.process_time()
            way()
            spent = time.perf_counter() - clock, time.process_time() - processor
            best[name] = min(best[name][0], spent[0]), min(best[name][1], spent[1])
    print(f"{row.name}, {len(paths)} photos, {cores()} cores, {compute.device} {compute.precision}")
    for column, what in enumerate(("clock", "processor")):
        seconds = {name: spent[column] for name, spent in best.items()}
        print(f"  {what:22}      ms/image   forward / it   it / ours")
        for name, value in seconds.items():
            forward_ratio = seconds["forward alone"] / value
            ours_ratio = value / seconds["files to descriptors"]
            each = 1e3 * value / len(paths)
            print(f"    {name:22}{each:12.0f}{forward_ratio:14.0%}{ours_ratio:11.2f}x", flush=True)


def published(row: Checkpoint, path: Path) -> torch.Tensor:
    """Pixels [3, H, W] in 0..1 exactly as the authors evaluate: decoded whole, resized once."""
    picture = Pictures.open(path).convert("RGB")
    short, side = min(picture.size), row.side
    size = (side, side) if row.squashed else tuple(side * edge // short for edge in picture.size)
    resized = np.array(picture.resize((size[0], size[1]), Pictures.Resampling.BILINEAR))
    return torch.from_numpy(resized).permute(2, 0, 1).float() / 255


def forward(network: Published, batches: Sequence[torch.Tensor]) -> None:
    def one(images: torch.Tensor) -> torch.Tensor:
        return network.aggregate(network.features(images))

    with side_by_side(1 if network.compute.one_at_a_time else cores()) as pool:
        list(pool.map(one, batches))


@torch.inference_mode()
def plain(row: Checkpoint, network: Network, paths: Sequence[Path], batch: int) -> None:
    for start in range(0, len(paths), batch):
        images = torch.stack([published(row, path) for path in paths[start : start + batch]])
        device = next(network.parameters()).device
        values = ((images - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1)).to(device)
        local = network.local(values)
        network.pool(local, torch.ones(1, 1, len(network.places(*values.shape[2:])), device=device)).cpu()


def accuracy(row: Checkpoint, paths: Sequence[Path]) -> None:
    """What bfloat16 and draft decoding change, against float32 on pixels decoded and resized as published."""
    pixels = [published(row, path)[None] for path in paths]
    state = centred(row, pixels[:4])
    exact = build(row.name, Compute("cpu", "float32"), state)
    quick = build(row.name, Compute("cpu", "bfloat16"), state)
    stock = torch.cat([exact.aggregate(exact.features(one))[:, 0] for one in pixels])
    rounded = torch.cat([quick.aggregate(quick.features(one))[:, 0] for one in pixels])
    found = Describer(exact, None).describe_files(paths, DRY, LONGEST, cores())
    drafted = torch.stack(
        [torch.from_numpy(vector[0]) for _, vector in found if isinstance(vector, np.ndarray)]
    )
    print(f"{row.name}, {len(paths)} photos, random weights")
    for name, other in (("bfloat16", rounded), ("our decoding", drafted)):
        print(f"  {name:13}{compared(stock, other)}", flush=True)


def centred(row: Checkpoint, pixels: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Random weights whose batch norms know these photos: without that, a deep network tells none apart."""
    network = skeleton(row)
    network.load_state_dict(untrained(row), assign=True)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain average
            module.train()
    with torch.no_grad():
        for one in pixels:
            network.local((one - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1))
    return dict(network.state_dict())


def compared(stock: torch.Tensor, other: torch.Tensor) -> str:
    """Cosines as they are and around the common mean; and whether each photo's nearest other one stays."""
    middle = stock.mean(0)
    cosine = (stock * other).sum(1)
    around = (F.normalize(stock - middle, dim=1) * F.normalize(other - middle, dim=1)).sum(1)
    mutual = [(one @ stock.T).fill_diagonal_(-1) for one in (stock, other)]
    same = (mutual[0].argmax(1) == mutual[1].argmax(1)).float().mean()
    moved = (mutual[0] - mutual[1]).abs().max()
    spread = (1 - (stock @ stock.T)).max()
    return (
        f"cosine min {cosine.min():.6f}, around the mean min {around.min():.4f} mean {around.mean():.4f}; "
        f"similarities, {spread:.1e} apart, move by {moved:.1e} at most; nearest photo stays for {same:.0%}"
    )


if __name__ == "__main__":
    main()
