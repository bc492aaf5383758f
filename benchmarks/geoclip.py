"""Whether our GeoCLIP and CLIP are the published ones, and what they cost.

    python benchmarks/geoclip.py location [--wheel geoclip-1.3.0-py3-none-any.whl]
    python benchmarks/geoclip.py tower [--packages FOLDER] [--rounds 3]

`location` takes the real weights of location encoder and image head out of the wheel `geoclip`, and the
module that its authors wrote; without `--wheel`, pip downloads it. Shown are the largest differences: to that
module, to numbers that were written down when it ran elsewhere, and of what is kept as float16. Then it says
what 100,000 places cost.

`tower` compares CLIP's image tower with that of the package `transformers`, at its full size with random
weights, and says what a photo costs. FOLDER is one that `pip install --target FOLDER transformers` filled;
without it, pip fills one for this run. It needs 4 GB of memory. No weights of CLIP's are downloaded.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import time
import types
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from geoflood.backbones.clip_vit import ClipTower, clip_pixels, tower_state
from geoflood.backbones.gallery import read_gallery
from geoflood.backbones.geoclip import ImageHead, LocationEncoder, equal_earth
from geoflood.backbones.kept_gallery import encode
from geoflood.backbones.untrained import untrained_like
from geoflood.backbones.world_catalog import GEOCLIP
from geoflood.backbones.world_selftest import PLACES, golden_invariants
from geoflood.core.files import fingerprint

FIRST = (
    (-0.015541, -0.006505, 0.000790, -0.013472, -0.003999),
    (-0.014060, -0.003349, 0.003873, -0.001030, 0.000471),
    (-0.001021, 0.005104, -0.002718, 0.002800, 0.004068),
    (0.001666, 0.017296, 0.007711, -0.009551, -0.000843),
    (-0.019660, 0.017892, -0.004826, 0.002975, 0.018368),
    (0.004656, 0.000691, 0.007355, -0.001512, -0.022802),
)
"""Of each place of the self-test, the first five numbers."""
PROJECTED = (
    *((-0.4961289, 0.2174034), (0.0444241, 0.3680866), (0.0005354, 0.3605412)),
    *((-0.6109663, 0.2716685), (0.5917673, -0.0463573), (0.0, 0.0)),
)
OTHER_COSINES = {("Hamburg", "Cambridge"): 0.231412, ("San Francisco", "Jakarta"): 0.190851}
HEAD = (3.521349, 0.133428, -0.134821, 0.277898, 0.205827, 0.113830)
"""Of the feature sin(k), k from 0 to 767: its length, then its first five numbers."""
LOGITS = (-2.69506, 0.18302, -1.59117, 0.60496, 0.97489)
"""Of that feature with the first five rows of the gallery."""
BEST_ROWS = (975, 600, 123)
"""Of the first thousand."""
SCALE = 3.681034803390503


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["location", "tower"])
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--packages", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as work:
        if options.what == "location":
            location(unpacked(options.wheel, Path(work)))
        else:
            tower(options.packages or installed(Path(work)), options.rounds)


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True)


def unpacked(wheel: Path | None, work: Path) -> Path:
    """The folder `geoclip` of the wheel, its files verified."""
    if wheel is None:
        pip("download", "--no-deps", "--dest", str(work), "geoclip==1.3.0")
        [wheel] = work.glob("geoclip-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "wheel")
    model = work / "wheel" / "geoclip" / "model"
    for row in GEOCLIP.files:
        found = fingerprint(model / row.url.partition("/geoclip/model/")[2])
        print(f"{row.name}: sha256 {'as listed' if found == row.sha256 else f'DIFFERS: {found}'}")
    return work / "wheel" / "geoclip"


def installed(work: Path) -> Path:
    pip("install", "--target", str(work / "packages"), "transformers")
    return work / "packages"


def their_encoder(package: Path) -> torch.nn.Module:
    """The authors' module without the packages around it, which want more than it needs."""
    for name, path in (("geoclip", package), ("geoclip.model", package / "model")):
        shell = types.ModuleType(name)
        shell.__path__ = [str(path)]
        sys.modules[name] = shell
    theirs = importlib.import_module("geoclip.model.location_encoder").LocationEncoder()
    return theirs.eval()  # type: ignore[no-any-return]


def loaded(package: Path, name: str) -> Any:
    return torch.load(package / "model" / "weights" / name, weights_only=True)


@torch.inference_mode()
def location(package: Path) -> None:
    theirs, ours = their_encoder(package), LocationEncoder().eval()
    ours.load_state_dict(loaded(package, "location_encoder_weights.pth"))
    gallery = read_gallery(package / "model" / "gps_gallery" / "coordinates_100K.csv")
    unique = gallery.unique()
    print(
        f"gallery: {len(gallery.positions):,} rows, {len(unique):,} places, {gallery.left_out} left out; "
        f"one thread, torch {torch.__version__}"
    )
    six = torch.tensor(list(PLACES.values()))
    some = torch.from_numpy(gallery.positions[:: len(gallery.positions) // 1031]).float()
    off = max(float((theirs(one) - ours(one)).abs().max()) for one in (six, some))
    print(f"  to the authors' module at six places and {len(some):,} of the gallery: {off:.1e}")
    vectors = ours(six)
    show("projection, known to seven decimals", equal_earth(six), PROJECTED)
    show("first five numbers, known to six", vectors[:, :5], FIRST)
    for check in golden_invariants(ours):
        print(f"  {check.what}: {check.found:.1e}{'' if check.holds else ' DIFFERS'}")
    at = {name: n for n, name in enumerate(PLACES)}
    pairs = [float(F.cosine_similarity(vectors[at[a]], vectors[at[b]], dim=0)) for a, b in OTHER_COSINES]
    show("other similarities, known to six", torch.tensor(pairs), tuple(OTHER_COSINES.values()))
    head(package, ours, gallery.positions)
    began, clock = time.process_time(), time.perf_counter()
    rows = encode(ours, gallery.positions)
    spent, waited = time.process_time() - began, time.perf_counter() - clock
    print(f"  {len(rows):,} places: {spent:.1f} s of the processor, {waited:.1f} s by the clock")
    halves = rows.astype(np.float16)
    off = np.abs((halves[:5000].astype(np.float32) @ rows[0]) - rows[:5000] @ rows[0]).max()
    print(f"  kept as float16: {halves.nbytes / 1e6:.0f} MB; similarities differ by at most {off:.1e}")


@torch.inference_mode()
def head(package: Path, encoder: LocationEncoder, positions: np.ndarray[Any, Any]) -> None:
    image_head = ImageHead()
    image_head.load_state_dict(loaded(package, "image_encoder_mlp_weights.pth"))
    vector = image_head(torch.sin(torch.arange(768.0))[None])[0]
    show("image head, known to six", torch.cat([vector.norm()[None], vector[:5]]), HEAD)
    scale = loaded(package, "logit_scale_weights.pth")
    show("logit scale", scale, SCALE)
    places = F.normalize(encoder(torch.from_numpy(positions[:1000]).float()), dim=1)
    logits = scale.exp() * places @ F.normalize(vector, dim=0)
    show("logits of five places, known to five", logits[:5], LOGITS)
    print(f"  best rows of a thousand: {tuple(logits.topk(3).indices.tolist())}, known: {BEST_ROWS}")


def show(what: str, found: torch.Tensor, known: Any) -> None:
    print(f"  {what}: differs by at most {float((found - torch.tensor(known)).abs().max()):.1e}")


@torch.inference_mode()
def tower(packages: Path, rounds: int) -> None:
    sys.path.append(str(packages))
    transformers = importlib.import_module("transformers")
    transformers.logging.set_verbosity_error()
    pixels(transformers.CLIPImageProcessor())
    random = torch.Generator().manual_seed(0)
    images = torch.randn(1, 3, 224, 224, generator=random)
    small = transformers.CLIPVisionConfig(
        hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, projection_dim=32,
        patch_size=14, hidden_act="quick_gelu",
    )  # fmt: skip
    full = transformers.CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16,
        projection_dim=768, patch_size=14, hidden_act="quick_gelu",
    )  # fmt: skip
    for name, config, ours in (
        ("2 layers of 64", small, ClipTower(64, 2, 4, 32)),
        ("ViT-L/14", full, ClipTower()),
    ):
        ours.load_state_dict(untrained_like(ours))
        theirs = transformers.CLIPVisionModelWithProjection(config).eval()
        theirs.load_state_dict(ours.state_dict())
        expected = theirs(images).image_embeds
        found = ours.eval()(images)
        numbers = sum(p.numel() for p in ours.parameters())
        off = float((found - expected).abs().max())
        print(f"tower of {name}, {numbers:,} numbers: differs by at most {off:.1e}")
        same = tower_state(dict(theirs.state_dict())).keys() == ours.state_dict().keys()
        print(f"  the same {len(ours.state_dict())} entries: {same}")
        del theirs
    speed(ours, images, found, rounds)


def pixels(processor: Any) -> None:
    """The largest difference to the package's own preparation of images, over ten sizes."""
    sizes: Sequence[tuple[int, int]] = (
        *((480, 640), (640, 480), (224, 224), (225, 900), (300, 301)),
        *((1200, 999), (100, 150), (31, 400), (2000, 333), (223, 225)),
    )
    worst = 0.0
    for height, width in sizes:
        image = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
        theirs = processor(image, return_tensors="np", input_data_format="channels_last")["pixel_values"][0]
        worst = max(worst, float(np.abs(theirs - clip_pixels(image)).max()))
    print(f"pixels of {len(sizes)} sizes: differ by at most {worst:.1e}")


def speed(network: ClipTower, images: torch.Tensor, exact: torch.Tensor, rounds: int) -> None:
    """Seconds a photo on one core, the precisions in turns: the best of each counts."""
    best: dict[str, tuple[float, float]] = {}
    networks = {torch.float32: network, torch.bfloat16: ClipTower().to(torch.bfloat16).eval()}
    networks[torch.bfloat16].load_state_dict(network.state_dict())
    for _ in range(rounds):
        for precision, network in networks.items():
            network(images)
            began, clock = time.process_time(), time.perf_counter()
            found = network(images).float()
            spent = time.process_time() - began, time.perf_counter() - clock
            name = str(precision).removeprefix("torch.")
            before = best.get(name, (np.inf, np.inf))
            best[name] = min(spent[0], before[0]), min(spent[1], before[1])
    for name, (processor, clock) in best.items():
        print(f"  {name}: {processor:.2f} s of one core a photo, {clock:.2f} s by the clock")
    print(f"  bfloat16 keeps the direction: cosine {float(F.cosine_similarity(exact, found)[0]):.6f}")


if __name__ == "__main__":
    main()
