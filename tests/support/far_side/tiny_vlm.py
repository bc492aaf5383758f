"""A vision-language model of 0.6 MB with random weights: all plumbing, no knowledge.

A text model in the qwen2vl architecture and a projector in Qwen2.5-VL's, as llama.cpp's GGUF keys and
tensor names define them. llama-server really encodes the image with it, and holds it to a schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

WIDTH, HEADS, KEY_HEADS, FEED = 64, 4, 2, 128
"""Of the text model."""

EYE, EYE_HEADS, EYE_FEED, EYE_LAYERS, PATCH, MERGE = 32, 2, 64, 2, 14, 2
"""Of the image encoder. Two layers, since llama.cpp wants one with windows and one without."""

SPECIAL = ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% else %}<__media__>{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class TinyModel:
    """Its two files."""

    text: Path
    projector: Path


def write_tiny_vlm(folder: Path, seed: int = 0) -> TinyModel:
    """Write the two files, the same ones for the same seed."""
    made = TinyModel(folder / "tiny-text.gguf", folder / "tiny-projector.gguf")
    random = np.random.default_rng(seed)
    _write_text(made.text, random)
    _write_projector(made.projector, random)
    return made


def _tensors(
    shapes: Mapping[str, tuple[int, ...]], random: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Norms are one; biases and the rest random, the wider the more is summed over."""
    made = {}
    for name, shape in shapes.items():
        if "norm" in name or ".ln" in name or "post_ln" in name:
            made[name] = np.ones(shape, np.float32)
        else:
            scale = 0.1 if len(shape) == 1 else 2 / np.sqrt(np.prod(shape[1:]))
            made[name] = (scale * random.standard_normal(shape)).astype(np.float32)
    return made


def _finish(writer: gguf.GGUFWriter, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_text(path: Path, random: np.random.Generator) -> None:
    writer = gguf.GGUFWriter(path, "qwen2vl")
    writer.add_name("tiny random vision-language model")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(8192)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    quarter = WIDTH // HEADS // 8
    writer.add_rope_dimension_sections([quarter, 3 * quarter // 2, 3 * quarter // 2, 0])
    words = _add_vocabulary(writer)
    keys = WIDTH // HEADS * KEY_HEADS
    block: dict[str, tuple[int, ...]] = {"attn_norm.weight": (WIDTH,), "ffn_norm.weight": (WIDTH,)}
    for name, size in (("q", WIDTH), ("k", keys), ("v", keys)):
        block |= {f"attn_{name}.weight": (size, WIDTH), f"attn_{name}.bias": (size,)}
    block |= {"attn_output.weight": (WIDTH, WIDTH), "ffn_gate.weight": (FEED, WIDTH)}
    block |= {"ffn_up.weight": (FEED, WIDTH), "ffn_down.weight": (WIDTH, FEED)}
    shapes = {
        "token_embd.weight": (words, WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (words, WIDTH),
    }
    shapes |= {f"blk.0.{name}": shape for name, shape in block.items()}
    _finish(writer, _tensors(shapes, random))


def _add_vocabulary(writer: gguf.GGUFWriter) -> int:
    """Special tokens, every byte, and printable ASCII: enough to write any JSON. Returns its size."""
    kind = gguf.TokenType
    entries = [(word, 0.0, kind.UNKNOWN if word == "<unk>" else kind.CONTROL) for word in SPECIAL]
    entries += [(f"<0x{byte:02X}>", 0.0, kind.BYTE) for byte in range(256)]
    entries += [(chr(code), -10.0, kind.NORMAL) for code in range(33, 127)]
    entries += [("\u2581", -10.0, kind.NORMAL)]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([word for word, _, _ in entries])
    writer.add_token_scores([score for _, score, _ in entries])
    writer.add_token_types([type_ for _, _, type_ in entries])
    writer.add_unk_token_id(SPECIAL.index("<unk>"))
    writer.add_bos_token_id(SPECIAL.index("<s>"))
    writer.add_eos_token_id(SPECIAL.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    return len(entries)


def _write_projector(path: Path, random: np.random.Generator) -> None:
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_name("tiny random projector")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_silu", True)
    writer.add_string("clip.projector_type", "qwen2.5vl_merger")
    numbers = {
        "attention.head_count": EYE_HEADS,
        "block_count": EYE_LAYERS,
        "embedding_length": EYE,
        "feed_forward_length": EYE_FEED,
        "image_size": 560,
        "n_wa_pattern": EYE_LAYERS,
        "patch_size": PATCH,
        "projection_dim": WIDTH,
        "spatial_merge_size": MERGE,
    }
    for key, number in numbers.items():
        writer.add_uint32(f"clip.vision.{key}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.25, 0.25, 0.25])
    _finish(writer, _tensors(_projector_shapes(), random))


def _projector_shapes() -> dict[str, tuple[int, ...]]:
    patch = (EYE, 3, PATCH, PATCH)
    shapes: dict[str, tuple[int, ...]] = {"v.patch_embd.weight": patch, "v.patch_embd.weight.1": patch}
    shapes["v.post_ln.weight"] = (EYE,)
    for layer in range(EYE_LAYERS):
        block: dict[str, tuple[int, ...]] = {"ln1.weight": (EYE,), "ln2.weight": (EYE,)}
        for name in ("q", "k", "v", "out"):
            block |= {f"attn_{name}.weight": (EYE, EYE), f"attn_{name}.bias": (EYE,)}
        for name in ("gate", "up"):
            block |= {f"ffn_{name}.weight": (EYE_FEED, EYE), f"ffn_{name}.bias": (EYE_FEED,)}
        block |= {"ffn_down.weight": (EYE, EYE_FEED), "ffn_down.bias": (EYE,)}
        shapes |= {f"v.blk.{layer}.{name}": shape for name, shape in block.items()}
    joined = EYE * MERGE**2
    return shapes | {
        "mm.0.weight": (joined, joined),
        "mm.0.bias": (joined,),
        "mm.2.weight": (WIDTH, joined),
        "mm.2.bias": (WIDTH,),
    }
