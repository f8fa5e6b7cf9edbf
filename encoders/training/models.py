"""Models as sentence-transformers trains them, by kind; and how each scores pairs of query and document."""

from __future__ import annotations

from typing import Any

import numpy as np

from intrex.data.arrays import Scores
from intrex.encoders.multivector.layouts import load_layout
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.models import ModelFiles, resolve_model
from intrex.encoders.runtime.transformer import check_runtime, load_by_class
from intrex.encoders.static import StaticEncoder
from intrex.encoders.training.examples import Pool
from intrex.encoders.training.options import TrainOptions

CLASSES = {
    "dense": "SentenceTransformer",
    "static": "SentenceTransformer",
    "multivector": "MultiVectorEncoder",
    "sparse": "SparseEncoder",
    "cross-encoder": "CrossEncoder",
}
"""Class of sentence-transformers of each kind of model."""


def start_model(kind: str, options: TrainOptions) -> tuple[Any, ModelFiles]:
    """Load the model to begin with, and find where its weights are from.

    A cross-encoder from a model without a classification head gets one drawn by the seed.

    Raises:
        BadInput: the model is nowhere to be found, or is not of this kind.
    """
    import torch

    files = resolve_model(options.base)
    check_runtime(EncoderOptions(device=options.device))
    torch.manual_seed(options.seed)
    if kind == "static":
        return _start_static(options), files
    if kind == "multivector":
        return load_layout(files, options.device)[0], files
    settings = {"num_labels": 1} if kind == "cross-encoder" else {}
    hint = f"is it a {CLASSES[kind]} of sentence-transformers, or a transformer that can become one?"
    model = load_by_class(files, CLASSES[kind], options.device, hint, **settings)
    if kind == "cross-encoder" and model.num_labels != 1:
        raise files.unfit(f"has {model.num_labels} labels, a reranker has one")
    return model, files


def _start_static(options: TrainOptions) -> Any:
    """Make a static embedding with the vectors of ``static:BASE``, and their normalisation."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    base = StaticEncoder.create(options.base, EncoderOptions(device=options.device))
    weights, tokenizer = base.parts()
    embedding = StaticEmbedding(Tokenizer.from_str(tokenizer), embedding_weights=weights)
    return SentenceTransformer(modules=[embedding, Normalize()], device=options.device)


def pool_scores(kind: str, model: Any, pool: Pool, batch_size: int) -> list[Scores]:
    """Score every candidate of every query by a model in training."""
    import torch

    was_training = model.training
    model.eval()
    score = _pair_scores if kind == "cross-encoder" else _vector_scores
    with torch.inference_mode():
        scores = score(model, pool, batch_size=batch_size, show_progress_bar=False)
    model.train(was_training)
    return scores


def _vector_scores(model: Any, pool: Pool, **settings: Any) -> list[Scores]:
    numbers: dict[str, int] = {}  # each document is encoded once
    rows = [[numbers.setdefault(text, len(numbers)) for text in texts] for texts in pool.documents]
    queries = model.encode_query(list(pool.queries), **settings)
    similarity = model.similarity(queries, model.encode_document(list(numbers), **settings))
    dense = np.asarray(similarity.to_dense() if similarity.is_sparse else similarity, np.float32)
    return [dense[i, np.array(candidates, np.int64)] for i, candidates in enumerate(rows)]


def _pair_scores(model: Any, pool: Pool, **settings: Any) -> list[Scores]:
    pairs = [(q, d) for q, texts in zip(pool.queries, pool.documents, strict=True) for d in texts]
    scores = np.asarray(model.predict(pairs, **settings), np.float32)
    ends = np.cumsum([len(texts) for texts in pool.documents])
    return np.split(scores, ends[:-1])
