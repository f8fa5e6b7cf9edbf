"""Models as sentence-transformers trains them, by kind; and how each scores pairs of query and document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Scores
from intrex.data.errors import BadInput
from intrex.encoders.multivector.layouts import load_layout
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.models import Model, resolve_model
from intrex.encoders.runtime.transformer import load_model
from intrex.encoders.static import StaticEncoder
from intrex.encoders.training.examples import Pool
from intrex.encoders.training.options import TrainOptions


def start_model(kind: str, options: TrainOptions) -> tuple[Any, Model]:
    """The model to begin with, in float32, and where its weights are from.

    A cross-encoder from a model without a classification head gets one drawn by the seed.

    Raises:
        BadInput: the model is nowhere to be found, or is not of this kind.
    """
    import torch

    found = resolve_model(options.base)
    torch.manual_seed(options.seed)
    model = _MAKERS[kind](found, options)
    return model, found


def _dense(found: Model, options: TrainOptions) -> Any:
    from sentence_transformers import SentenceTransformer

    return load_model(
        found,
        lambda path: SentenceTransformer(path, device=options.device, local_files_only=True),
        "is it a sentence-transformers model?",
    )


def _static(found: Model, options: TrainOptions) -> Any:
    """A static embedding with the vectors of ``static:BASE``, and their normalisation."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    base = StaticEncoder.create(options.base, EncoderOptions(device=options.device))
    weights, tokenizer = base.parts()
    embedding = StaticEmbedding(Tokenizer.from_str(tokenizer), embedding_weights=weights)
    return SentenceTransformer(modules=[embedding, Normalize()], device=options.device)


def _multivector(found: Model, options: TrainOptions) -> Any:
    return load_layout(found, options.device)[0]


def _sparse(found: Model, options: TrainOptions) -> Any:
    from sentence_transformers import SparseEncoder

    return load_model(
        found,
        lambda path: SparseEncoder(path, device=options.device, local_files_only=True),
        "is it a learned sparse model?",
    )


def _cross_encoder(found: Model, options: TrainOptions) -> Any:
    from sentence_transformers import CrossEncoder

    model = load_model(
        found,
        lambda path: CrossEncoder(path, num_labels=1, device=options.device, local_files_only=True),
        "is it a transformer that sentence-transformers can load?",
    )
    if model.num_labels != 1:
        raise BadInput(f"the model {found.name} has {model.num_labels} labels, a reranker has one")
    return model


_MAKERS: dict[str, Callable[[Model, TrainOptions], Any]] = {
    "dense": _dense,
    "static": _static,
    "multivector": _multivector,
    "sparse": _sparse,
    "cross-encoder": _cross_encoder,
}


def pool_scores(kind: str, model: Any, pool: Pool, batch_size: int) -> list[Scores]:
    """Scores of every candidate of every query by a model in training."""
    import torch

    was_training = model.training
    model.eval()
    with torch.inference_mode():
        found = _SCORERS.get(kind, _embedding_scores)(model, pool, batch_size)
    model.train(was_training)
    return found


def _unique(pool: Pool) -> tuple[list[str], list[npt.NDArray[np.int64]]]:
    """The different documents of a pool, and for each query the numbers of its candidates."""
    numbers: dict[str, int] = {}
    rows = [
        np.array([numbers.setdefault(t, len(numbers)) for t in texts], np.int64) for texts in pool.documents
    ]
    return list(numbers), rows


def _embedding_scores(model: Any, pool: Pool, batch_size: int) -> list[Scores]:
    texts, rows = _unique(pool)
    settings = {"batch_size": batch_size, "show_progress_bar": False}
    queries = model.encode_query(list(pool.queries), **settings)
    documents = model.encode_document(texts, **settings)
    alike = model.similarity(queries, documents)
    dense = np.asarray(alike.to_dense() if alike.is_sparse else alike, np.float32)
    return [dense[i, r] for i, r in enumerate(rows)]


def _cross_scores(model: Any, pool: Pool, batch_size: int) -> list[Scores]:
    pairs = [(q, d) for q, texts in zip(pool.queries, pool.documents, strict=True) for d in texts]
    found = np.asarray(model.predict(pairs, batch_size=batch_size, show_progress_bar=False), np.float32)
    ends = np.cumsum([len(texts) for texts in pool.documents])
    return np.split(found, ends[:-1])


_SCORERS = {"cross-encoder": _cross_scores}


def save_model(model: Any, folder: Path) -> None:
    """Save in sentence-transformers' form, without the card it would write."""
    model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
