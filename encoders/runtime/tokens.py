"""Lengths of texts in the tokens of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from intrex.data.errors import BadInput
from intrex.encoders.runtime.models import resolve_model

TOKENIZER = "tokenizer.json"


def token_counter(name: str) -> tuple[Callable[[Sequence[str]], list[int]], str]:
    """Return a function that counts the tokens of texts, special ones left out, and the revision of the model.

    Args:
        name: of a model, or its folder; its tokenizer.json is read, no weights.

    Raises:
        BadInput: the model is nowhere to be found, or has no such file.
        MissingExtra: sentence-transformers is not installed.
    """
    model = resolve_model(name)
    from tokenizers import Tokenizer

    places = [model.path / TOKENIZER, *sorted(model.path.glob(f"*/{TOKENIZER}"))]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise BadInput(f"the model has no {TOKENIZER} ({model.path})", "name another, or --tokenizer words")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        return [
            len(encoding.ids) for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ]

    return count, model.revision
