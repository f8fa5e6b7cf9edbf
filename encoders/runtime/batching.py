"""Texts tokenised by a sentence-transformers model's own rules, batched by their true number of tokens, and padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from intrex.data.arrays import Int64s, Rows
from intrex.encoders.base import Role

AT_ONCE = 4096
"""Texts tokenised together: bounds the memory of one call."""
TOKENS_A_TEXT = {"cpu": 64}
"""A batch holds at most ``batch_size`` times as many tokens, padding included, or one text; 256 on other devices."""


@dataclass(frozen=True)
class Tokens:
    """Tokenised texts.

    Attributes:
        rows: for each of the model's inputs one list of integers a text.
        shared: inputs that all texts share.
        lengths: [n] tokens of each text.
        spans: where each token is in the prompted text, its first and last + 1 character; (0, 0) for a special token.
            Empty unless asked for.
    """

    rows: dict[str, list[list[int]]]
    shared: dict[str, Any]
    lengths: Int64s
    spans: list[list[tuple[int, int]]]


def token_budget(model: Any, batch_size: int) -> int:
    """Return how many tokens, padding included, a batch may hold on the model's device."""
    return batch_size * TOKENS_A_TEXT.get(model.device.type, 256)


def tokenize(
    model: Any,
    texts: Sequence[str | tuple[str, str]],
    role: Role | None,
    prompt: str | None,
    spans: bool = False,
) -> Tokens | None:
    """Tokenise without padding; None for a model whose inputs are not lists of tokens.

    Queries that the model fills up with [MASK] (its ``query_expansion``) are filled up.

    Args:
        model: a sentence-transformers model.
        texts: at least one; a pair of texts is one for a cross-encoder.
        role: what the texts are; None for pairs.
        prompt: put before each text.
        spans: ask for `Tokens.spans`; the model's tokenizer must be a fast one.
    """
    if getattr(model.tokenizer, "pad_token_id", None) is None:
        return None
    text: dict[str, Any] = {"return_offsets_mapping": True} if spans else {}
    settings: dict[str, Any] = {"text": text}
    if role != "query" or getattr(model[0], "query_expansion", None) is None:
        settings = {"common": {"return_tensors": None}, "text": {"padding": False, **text}}
    features = dict(model.preprocess(texts, prompt=prompt, task=role, processing_kwargs=settings))
    if "query_expansion_positions" in features:
        features = _drop_padding(features)
    rows = {k: v for k, v in features.items() if isinstance(v, list) and v and isinstance(v[0], list)}
    ids = rows.get("input_ids")
    if ids is None or "attention_mask" not in rows or any(len(v) != len(texts) for v in rows.values()):
        return None
    shared = {k: v for k, v in features.items() if k not in rows}
    offsets = rows.pop("offset_mapping", [])
    return Tokens(rows, shared, np.array([len(i) for i in ids], np.int64), offsets)


def count_cut(model: Any, texts: Sequence[str], prompt: str | None, tokens: Tokens, limit: int | None) -> int:
    """Count the texts of which the model reads the beginning only.

    Texts of ``limit`` tokens are tokenised again, without a limit: whether one ends there cannot be told otherwise.
    """
    full = [] if limit is None else np.flatnonzero(tokens.lengths >= limit).tolist()
    if not full:
        return 0
    prompted = [(prompt or "") + texts[row] for row in full]
    whole = model.tokenizer(prompted, truncation=False, padding=False, verbose=False)["input_ids"]
    return sum(len(ids) > tokens.lengths[row] for row, ids in zip(full, whole, strict=True))


def _drop_padding(features: dict[str, Any]) -> dict[str, Any]:
    """Make lists of the tokens and expansion tokens of each text, of tensors [n, longest]."""
    masks = ((features["attention_mask"] != 0) | (features["query_expansion_positions"] != 0)).numpy()
    return {
        name: [row[mask].tolist() for row, mask in zip(value.numpy(), masks, strict=True)]
        if getattr(value, "shape", ())[:2] == masks.shape
        else value
        for name, value in features.items()
    }


def batches(lengths: Int64s, budget: int) -> Iterator[Rows]:
    """Cut texts into batches of similar length, the longest first.

    Args:
        lengths: [n] tokens of each text.
        budget: tokens in a batch, padding included; a longer text is a batch of its own.

    Yields:
        The rows of a batch; each row occurs once.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def pad(model: Any, tokens: Tokens, rows: Rows) -> dict[str, Any]:
    """Make the tensors [len(rows), longest] of one batch, on the model's device."""
    import torch

    tokenizer = model.tokenizer
    fills = {
        "input_ids": tokenizer.pad_token_id,
        "token_type_ids": getattr(tokenizer, "pad_token_type_id", 0),
    }
    lengths = tokens.lengths[rows]
    width = int(lengths.max(initial=1))
    mask = np.arange(width) < lengths[:, None]
    if tokenizer.padding_side != "right":
        mask = mask[:, ::-1]
    features = dict(tokens.shared)
    for name, values in tokens.rows.items():
        array = np.full(mask.shape, fills.get(name, 0), np.int64)
        array[mask] = [value for row in rows for value in values[row]]
        features[name] = torch.from_numpy(array).to(model.device)
    return features
