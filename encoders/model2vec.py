"""Folders of static models that model2vec wrote, read as model2vec (0.10) reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Float32s
from intrex.data.io.files import read_json

CHARACTERS = "characters"
"""Key of a spec's parameters: a text is cut after so many characters, before it is cut into tokens."""
_LENGTH = 512  # model2vec's, where its config.json says nothing


def is_model2vec(folder: Path) -> bool:
    """Tell whether model2vec wrote a static model: it has a ``config.json``, which sentence-transformers' folders lack."""
    return (folder / "config.json").is_file()


def apply_rules(
    folder: Path, weights: Float32s, tokenizer: str, length: int | None
) -> tuple[Float32s, str, dict[str, Any]]:
    """Change a model so that the sum of a text's tokens is what model2vec takes the mean of.

    Tokens that the vocabulary does not know get zeros, so that a text without known tokens gives zeros. A text has at
    most so many tokens as ``config.json`` says (512), and at most that number times the median token's characters.

    Args:
        folder: of the model.
        weights: [tokens, dim]; changed in place.
        tokenizer: as JSON.
        length: takes the place of the model's own number of tokens.

    Returns:
        The weights, the tokenizer, and parameters for the spec.
    """
    from tokenizers import Tokenizer

    changed = Tokenizer.from_str(tokenizer)
    if (unknown := _unknown_token(changed, tokenizer)) is not None and unknown < len(weights):
        weights[unknown] = 0
    most = length or read_json(folder / "config.json").get("max_length", _LENGTH)
    if most is None:
        changed.no_truncation()
        return weights, str(changed.to_str()), {}
    changed.enable_truncation(most)
    median = int(np.median([len(token) for token in changed.get_vocab()]))
    return weights, str(changed.to_str()), {CHARACTERS: most * median}


def _unknown_token(tokenizer: Any, text: str) -> int | None:
    """Return the row of the token that stands for what is unknown; None where there is none."""
    model = json.loads(text)["model"]
    if model.get("unk_token") is not None:
        number: int | None = tokenizer.token_to_id(model["unk_token"])
        return number
    row: int | None = model.get("unk_id")  # Unigram's
    return row
