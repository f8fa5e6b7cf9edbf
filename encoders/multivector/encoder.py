"""One vector a token, from a transformer: multi-vector (late-interaction) models, and plain ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np

from intrex.data.arrays import Float32s, Int64s, Rows
from intrex.data.errors import BadInput, UsageError
from intrex.data.numeric.spans import offsets_of, ranges
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.base import Role
from intrex.encoders.multivector.colberter import Learned
from intrex.encoders.multivector.layouts import load_layout
from intrex.encoders.multivector.reductions import Reductions
from intrex.encoders.multivector.single import SINGLE, add_single
from intrex.encoders.multivector.words import word_ids
from intrex.encoders.options import MULTIVECTOR, EncoderOptions, TokenEncoderOptions
from intrex.encoders.runtime.batching import batches, count_cut, pad, token_budget, tokenize
from intrex.encoders.runtime.encoder import ModelEncoder, check_length, finite_length
from intrex.encoders.runtime.models import ModelFiles, quiet, resolve_model, say_once
from intrex.encoders.runtime.transformer import (
    TRIAL,
    check_runtime,
    choose_prompts,
    longest_input,
    set_dtype,
)

AT_ONCE = 1024
"""Texts encoded together: bounds the memory of one call, beside its result."""
_WORDS = "words"


class MultiVectorEncoder(ModelEncoder):
    """The token vectors of a multi-vector (late-interaction) model, in float32.

    In float32 they equal those of sentence-transformers' ``encode_query`` and ``encode_document`` to 1e-5, whatever
    the batch; markers, query expansion, skipped tokens and lengths are the checkpoint's. A plain transformer gives its
    own token vectors, brought to length 1, those of its special tokens included.
    """

    def __init__(
        self, model: Any, spec: EncoderSpec, batch_size: int, learned: Learned | None = None
    ) -> None:
        self.spec = spec
        self.overlong = Counter()
        self._model = model
        self._learned = learned
        self._reductions = Reductions.of(spec)
        self._budget = token_budget(model, batch_size)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Load the model ``name`` (a hub name or a folder).

        Raises:
            UsageError: an unknown dtype, a length beyond the model's, int8 on a GPU, a reduction that does not suit it.
            BadInput: the model is nowhere to be found, cannot be loaded, or has no token vectors.
        """
        options = TokenEncoderOptions.of(options)
        MULTIVECTOR.refuse(options)
        check_runtime(options)
        files = resolve_model(name, options.revision)
        model, layout, learned = load_layout(files, options.device)
        _cut_to_positions(model, files, options)
        _limit(model, options)
        _check_reductions(model, files, options)
        if learned is not None:
            if options.single not in (None, "cls"):
                raise UsageError(f"the model {files.name} has single vectors of its own, from [CLS]")
        elif options.single is not None:
            add_single(model, options.single)
        spec = _describe(model, files, layout, options, learned)
        encoder = cls(model, spec, options.batch_size, learned)
        set_dtype(model, options.dtype, encoder._trial, encoder.spec.max_length or 0)
        return encoder

    @classmethod
    def _recorded(cls, spec: EncoderSpec) -> dict[str, Any]:
        names = ("query_length", "single")
        return {**{name: spec.params.get(name) for name in names}, **asdict(Reductions.of(spec))}

    def encode(self, texts: list[str], role: Role) -> PackedVectors:
        """Return vectors [tokens that count of all texts, dim] in float32, in the order of ``texts``.

        With ``spec.params["single"]`` also one vector of length 1 for each text.
        """
        import torch

        with torch.inference_mode(), quiet():
            parts = [
                self._encode(texts[start : start + AT_ONCE], role)
                for start in range(0, max(1, len(texts)), AT_ONCE)
            ]
        return parts[0] if len(parts) == 1 else _join(parts)

    def _encode(self, texts: list[str], role: Role) -> PackedVectors:
        dim, single_dim = self._model.get_embedding_dimension(), self.spec.params.get("single_dim")
        outputs = _Outputs(len(texts), dim, single_dim)
        for rows, features in self._batches(texts, role) if texts else ():
            words = features.pop(_WORDS, None)
            outputs.add(rows, self._model(features, task=role), words)
        packed, word_numbers = outputs.arrange()
        if self._learned is not None:
            packed, word_numbers = self._learned.apply(packed, word_numbers, role)
        return self._reductions.apply(packed, word_numbers, role)

    def token_names(self, texts: list[str], role: Role) -> list[list[str]] | None:
        """Return the token that each vector of `encode` is of, as the tokenizer spells it; None where vectors are merged."""
        import torch

        if self._learned is not None or self._reductions.params():
            return None
        dim, single_dim = self._model.get_embedding_dimension(), self.spec.params.get("single_dim")
        outputs = _Outputs(len(texts), dim, single_dim)
        with torch.inference_mode(), quiet():
            for rows, features in self._batches(texts, role) if texts else ():
                found = self._model(features, task=role)
                outputs.add(rows, found, found["input_ids"])
        packed, ids = outputs.arrange()
        names = self._model.tokenizer.convert_ids_to_tokens(ids.tolist())
        return [names[a:b] for a, b in pairwise(packed.offsets.tolist())]

    def _batches(self, texts: list[str], role: Role) -> Iterator[tuple[Rows, dict[str, Any]]]:
        """Yield the model's inputs, a batch at a time, with the words of the tokens if these are asked for."""
        prompt = self.spec.prompts[role]
        spans = self._reductions.whole_words or (self._learned is not None and self._learned.whole_words)
        tokens = tokenize(self._model, texts, role, prompt or None, spans)
        if tokens is None:
            raise BadInput(f"the model {self.spec.name} does not take lists of tokens")
        limit = self.spec.max_length if role == "document" else self.spec.params.get("query_length")
        self.overlong[role] += count_cut(self._model, texts, prompt, tokens, limit)
        if spans:
            tokens.rows[_WORDS] = [
                word_ids(prompt + text, at).tolist() for text, at in zip(texts, tokens.spans, strict=True)
            ]
        for rows in batches(tokens.lengths, self._budget):
            yield rows, pad(self._model, tokens, rows)

    def _trial(self) -> Float32s:
        """Encode a few texts, the number of whose vectors does not depend on their last bits."""
        plain = MultiVectorEncoder(self._model, replace(self.spec, params={}), batch_size=2)
        return np.asarray(plain.encode(TRIAL, "document").vectors, np.float32)


class _Outputs:
    """Outputs of the model, batch by batch, brought into the order of the texts."""

    def __init__(self, texts: int, dim: int, single_dim: int | None) -> None:
        none = np.empty(0, np.int64)
        self._counts = np.zeros(texts, np.int64)
        self._vectors: list[tuple[Rows, Float32s]] = [(none, np.empty((0, dim), np.float32))]
        self._words: list[tuple[Rows, Int64s]] = [(none, none)]
        self._single: Float32s | None = (
            None if single_dim is None else np.empty((texts, single_dim), np.float32)
        )

    def add(self, rows: Rows, features: dict[str, Any], words: Any) -> None:
        """Take the features of a batch, and the words of its padded tokens, if any."""
        mask = features["attention_mask"].bool()
        self._counts[rows] = mask.sum(dim=1).cpu().numpy()
        self._vectors.append((rows, features["token_embeddings"][mask].float().cpu().numpy()))
        if words is not None:
            self._words.append((rows, words[mask].cpu().numpy()))
        if self._single is not None:
            self._single[rows] = features[SINGLE].cpu().numpy()

    def arrange(self) -> tuple[PackedVectors, Int64s]:
        """Return the vectors and, if there were any, the words; to be called once, as batches are freed on the way."""
        offsets = offsets_of(self._counts)
        return PackedVectors(self._merge(self._vectors), offsets, self._single), self._merge(self._words)

    def _merge(self, pieces: list[tuple[Rows, Any]]) -> Any:
        starts = np.cumsum(self._counts) - self._counts
        whole = np.empty((sum(len(p) for _, p in pieces), *pieces[0][1].shape[1:]), pieces[0][1].dtype)
        while pieces:
            rows, piece = pieces.pop()
            whole[ranges(starts[rows], self._counts[rows])] = piece
        return whole


def _join(parts: list[PackedVectors]) -> PackedVectors:
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    singles = [part.single for part in parts if part.single is not None]
    vectors: Float32s = np.concatenate([part.vectors for part in parts])
    single: Float32s | None = np.concatenate(singles) if singles else None
    return PackedVectors(vectors, offsets_of(counts), single)


def _cut_to_positions(model: Any, files: ModelFiles, options: TokenEncoderOptions) -> None:
    """Cut lengths of the checkpoint that its transformer has no positions for, and say so unless an option replaces them."""
    if getattr(model.config, "max_position_embeddings", None) is None:
        return
    transformer, most = model[0], longest_input(model)
    document_length, query_length = _lengths(model)
    if (expansion := transformer.query_expansion) is not None and expansion["length"] > most:
        query_length = max(query_length or 0, expansion["length"])
        transformer.query_expansion = {**expansion, "length": most}
    if document_length is not None and document_length > most:
        transformer.document_length = most
        _say_cut(files, "documents", document_length, f"--max-length {most}", options.max_length)
    if query_length is not None and query_length > most:
        transformer.query_length = most
        _say_cut(files, "queries", query_length, f"--query-length {most}", options.query_length)


def _say_cut(files: ModelFiles, texts: str, length: int, flag: str, asked: int | None) -> None:
    if asked is None:
        say_once(
            f"model {files.name} reads {length} tokens of {texts}, more than its transformer has positions for: "
            f"longer {texts} are cut as with {flag}"
        )


def _limit(model: Any, options: TokenEncoderOptions) -> None:
    """Apply the lengths of documents and queries, or say that the model cannot."""
    least = model.tokenizer.num_special_tokens_to_add() + 1
    document_length, query_length = _lengths(model)
    for flag, own, length in (
        ("max", document_length, options.max_length),
        ("query", query_length, options.query_length),
    ):
        if length is not None and length != own:
            check_length(model, length, least, flag)
    transformer = model[0]
    if options.max_length is not None:
        transformer.document_length = options.max_length
    if options.query_length is not None:
        expansion = transformer.query_expansion
        transformer.query_length = options.query_length
        if expansion is not None:  # "fixed" has one length for all queries, "min" only fills short ones up
            fixed = expansion["strategy"] == "fixed"
            length = options.query_length if fixed else min(expansion["length"], options.query_length)
            transformer.query_expansion = {**expansion, "length": length}


def _lengths(model: Any) -> tuple[int | None, int | None]:
    """Return how many tokens of a document and of a query are read; None for all."""
    transformer, most = model[0], model.max_seq_length
    expansion = transformer.query_expansion
    fixed = expansion["length"] if expansion is not None and expansion["strategy"] == "fixed" else None
    query = fixed or transformer.query_length or most
    return finite_length(transformer.document_length or most), finite_length(query)


def _check_reductions(model: Any, files: ModelFiles, options: TokenEncoderOptions) -> None:
    from sentence_transformers.multi_vector_encoder.modules import BaseTokenPooling

    pooled = any(isinstance(module, BaseTokenPooling) for module in model)
    if pooled and Reductions.of(options).params():
        raise UsageError(
            f"the model {files.name} pools its tokens itself", "leave out --whole-words and --pool-factor"
        )
    if options.whole_words and not getattr(model.tokenizer, "is_fast", False):
        raise UsageError(
            f"the tokenizer of {files.name} does not say where its tokens are", "leave out --whole-words"
        )


def _describe(
    model: Any, files: ModelFiles, layout: str, options: TokenEncoderOptions, learned: Learned | None
) -> EncoderSpec:
    document_length, query_length = _lengths(model)
    mask = next((m for m in model if type(m).__name__ == "MultiVectorMask"), None)
    params = {
        "dtype": options.dtype,
        "layout": layout,
        "normalized": type(model[-1]).__name__ == "Normalize",
        "query_length": query_length,
        "query_expansion": model[0].query_expansion,
        "skiplist": mask.skiplist_words if mask is not None else [],
        **Reductions.of(options).params(),
    }
    dim = int(model.get_embedding_dimension())
    if learned is not None:
        params |= {"single": "cls", "single_dim": learned.single_dim, "gamma": learned.gamma}
    elif options.single is not None:
        params |= {"single": options.single, "single_dim": dim, "gamma": 0.0}
    return EncoderSpec(
        "multivector",
        files.name,
        files.revision,
        dim=dim if learned is None else learned.dim,
        max_length=document_length,
        prompts=choose_prompts(model, options),
        params=params,
    )
