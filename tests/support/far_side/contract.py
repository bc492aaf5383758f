"""What may be asked: JSON schemas of requests, from the documented API and stricter where we can be."""

from __future__ import annotations

import random
from typing import Any

Json = dict[str, Any]

_ANSWER_FORM: Json = {
    "type": "object",
    "required": ["type", "properties", "required", "additionalProperties"],
    "properties": {
        "type": {"const": "object"},
        "properties": {"type": "object", "minProperties": 1},
        "additionalProperties": {"const": False},
    },
}
"""Of `format`: closed objects only, since open ones let a model ramble."""

OLLAMA_OPTIONS: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["num_ctx", "num_predict", "repeat_penalty", "seed", "temperature", "top_k"],
    "properties": {
        "num_ctx": {"const": 8192},
        "num_predict": {"type": "integer", "minimum": 1, "maximum": 4000},
        "repeat_penalty": {"const": 1.0},
        "seed": {"type": "integer"},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "top_k": {"type": "integer", "minimum": 1},
    },
}

CHAT: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["model", "messages", "stream", "format", "options", "keep_alive"],
    "properties": {
        "model": {"type": "string", "minLength": 1},
        "messages": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["role", "content"],
                "properties": {
                    "role": {"const": "user"},
                    "content": {"type": "string", "minLength": 1, "maxLength": 6000},
                    "images": {
                        "type": "array",
                        "maxItems": 5,
                        "items": {"type": "string", "pattern": "^[A-Za-z0-9+/]+={0,2}$"},
                    },
                },
            },
        },
        "tools": {"type": "array", "maxItems": 0},
        "stream": {"const": True},
        "format": _ANSWER_FORM,
        "options": OLLAMA_OPTIONS,
        "think": {"const": False},
        "keep_alive": {"const": "15m"},
    },
}

SHOW: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["model"],
    "properties": {"model": {"type": "string", "minLength": 1}},
}

COMPLETION: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["model", "messages", "response_format", "max_tokens", "temperature", "seed", "stream"],
    "properties": {
        "model": {"type": "string", "minLength": 1},
        "messages": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["role", "content"],
                "properties": {
                    "role": {"const": "user"},
                    "content": {
                        "type": "array",
                        "items": {
                            "oneOf": [
                                {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "required": ["type", "text"],
                                    "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
                                },
                                {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "required": ["type", "image_url"],
                                    "properties": {
                                        "type": {"const": "image_url"},
                                        "image_url": {
                                            "type": "object",
                                            "required": ["url"],
                                            "properties": {
                                                "url": {
                                                    "type": "string",
                                                    "pattern": "^data:image/jpeg;base64,",
                                                }
                                            },
                                        },
                                    },
                                },
                            ]
                        },
                    },
                },
            },
        },
        "response_format": {
            "type": "object",
            "additionalProperties": False,
            "required": ["type", "json_schema"],
            "properties": {
                "type": {"const": "json_schema"},
                "json_schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["name", "strict", "schema"],
                    "properties": {
                        "name": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$"},
                        "strict": {"const": True},
                        "schema": _ANSWER_FORM,
                    },
                },
            },
        },
        "max_tokens": {"type": "integer", "minimum": 1, "maximum": 4000},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "top_k": {"type": "integer", "minimum": 1},
        "seed": {"type": "integer"},
        "stream": {"const": True},
        "stream_options": {"const": {"include_usage": True}},
    },
}

KINDS = {"object", "array", "string", "integer", "number", "boolean", "null"}


def unknown_kind(schema: Json, path: str = "#") -> str | None:
    """Where a schema has a type that llama.cpp's grammar does not know."""
    if "type" in schema and schema["type"] not in KINDS:
        return f"{path}: unrecognized type {schema['type']}"
    for key, inner in schema.get("properties", {}).items():
        if found := unknown_kind(inner, f"{path}/properties/{key}"):
            return found
    return None


def ramble(schema: Json, dice: random.Random) -> Any:
    """Something that fits a schema and means nothing: what random weights write under a grammar."""
    if "enum" in schema:
        return dice.choice(schema["enum"])
    match schema["type"]:
        case "object":
            return {key: ramble(inner, dice) for key, inner in schema["properties"].items()}
        case "array":
            count = dice.randint(schema.get("minItems", 0), schema.get("maxItems", 3))
            return [ramble(schema["items"], dice) for _ in range(count)]
        case "string":
            letters = [chr(c) for c in (*range(32, 127), 8238, 27, 228)]
            return "".join(dice.choices(letters, k=dice.randint(0, schema.get("maxLength", 20))))
    raise AssertionError(f"no grammar for {schema}")
