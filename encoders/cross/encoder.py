"""Cross-encoders of sentence-transformers: pairs are sorted by their true number of tokens and batched by tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.io.files import file_sha256, fingerprint, read_json
from intrex.data.specs import EncoderSpec
from intrex.encoders.cross.base import CROSS_ENCODER, PairScorer, use_threads
from intrex.encoders.options import CROSS, EncoderOptions
from intrex.encoders.runtime.batching import AT_ONCE, Tokens, batches, pad, token_budget, tokenize
from intrex.encoders.runtime.linear import LARGEST_DIFFERENCE, pack_linear
from intrex.encoders.runtime.models import Model, resolve_model
from intrex.encoders.runtime.transformer import (
    TRIAL,
    check_runtime,
    load_model,
    longest_input,
    plain_attention,
)

Pairs = list[tuple[str, str]]

DTYPES = ("float32", "bfloat16")
_SETTINGS = {".json", ".txt", ".model", ".jinja"}
"""Suffixes of the files beside the weights that change scores: configuration and tokenizer."""


class CrossEncoderScorer(PairScorer):
    """A cross-encoder: what ``CrossEncoder.predict`` gives, its activation function included, to 1e-5 in float32.

    The model is loaded when the first pairs are scored; the spec is known before that.

    Args:
        name: name or path of the model.
        options: ``revision``, ``max_length``, ``dtype``, ``device`` and ``batch_size`` are known.
        head_seed: draw the head by this seed where the model has none.
        threads: of torch; None leaves them alone.

    Raises:
        UsageError: another option, or an unknown dtype.
        BadInput: the model is nowhere to be found, or is no cross-encoder.
    """

    def __init__(
        self, name: str, options: EncoderOptions, head_seed: int | None = None, threads: int | None = None
    ) -> None:
        CROSS.refuse(options)
        if options.dtype not in DTYPES:
            raise UsageError(
                f"a cross-encoder has no dtype {options.dtype!r}", nearest_name(options.dtype, DTYPES)
            )
        found = resolve_model(name, options.revision)
        params: dict[str, Any] = {"dtype": options.dtype, "settings": _settings(found.path)}
        if head_seed is None:
            _check_kind(found)
        else:  # what is drawn depends on the libraries
            params |= {"head_seed": head_seed, **{name: version(name) for name in ("torch", "transformers")}}
        label = found.path.name if found.name == str(found.path) else found.name  # a copy has the same scores
        self.spec = EncoderSpec(CROSS_ENCODER, label, found.revision, 1, options.max_length, params=params)
        self._found, self._options = found, options
        self._head_seed, self._threads = head_seed, threads
        self._model: Any = None

    def parts(self, queries: Sequence[str], documents: Sequence[str]) -> Iterator[tuple[Rows, Scores]]:
        """See `PairScorer.parts`; the longest pairs of each 4,096 come first.

        Raises:
            UsageError: a maximum length or a device that cannot be.
            BadInput: the weights are damaged, lack a head, or give several scores a pair.
        """
        if self._model is None:
            self._model = self._load()
        use_threads(self._threads)
        for start in range(0, len(queries), AT_ONCE):
            block = slice(start, start + AT_ONCE)
            pairs = list(zip(queries[block], documents[block], strict=True))
            for rows, scores in self._block(pairs):
                yield rows + start, scores

    def _block(self, pairs: Pairs) -> Iterator[tuple[Rows, Scores]]:
        import torch

        size = self._options.batch_size
        tokens = _tokenize(self._model, pairs)
        lengths = np.array([len(q) + len(d) for q, d in pairs]) if tokens is None else tokens.lengths
        budget = token_budget(self._model, size)
        for rows in batches(lengths, budget):
            with torch.inference_mode():
                scores = self._model.activation_fn(_logits(self._model, pairs, tokens, rows))
            yield rows, scores.cpu().numpy()

    def _load(self) -> Any:
        check_runtime(self._options)
        model = _open(self._found, self._options.device, self._head_seed)
        if model.num_labels != 1:
            raise BadInput(
                f"the model {self._found.name} has {model.num_labels} labels, a reranker has one",
                "name a model that was trained to rank",
            )
        if self._head_seed is None:
            _check_head(model, self._found)
        _limit(model, self._options.max_length)
        _set_dtype(model, self._options.dtype)
        return model


def _settings(folder: Path) -> str:
    """Fingerprint of the files beside the weights that decide how texts are cut and scores are made."""
    files = sorted(p for p in folder.rglob("*") if p.suffix in _SETTINGS and p.name != "manifest.json")
    return fingerprint([[p.relative_to(folder).as_posix(), file_sha256(p)] for p in files])


def _check_kind(found: Model) -> None:
    """Raise `BadInput` unless the model's configuration says that it is a cross-encoder."""
    saved, config = (
        read_json(found.path / name) if (found.path / name).is_file() else {}
        for name in ("config_sentence_transformers.json", "config.json")
    )
    architecture = str((config.get("architectures") or [""])[0])
    if saved.get("model_type") != "CrossEncoder" and not architecture.endswith("ForSequenceClassification"):
        raise BadInput(
            f"the model {found.name} is no cross-encoder: it has no head that scores pairs",
            "--with dense:NAME compares its vectors; intrex train cross-encoder makes a cross-encoder of it",
        )


def _open(found: Model, device: str | None, head_seed: int | None) -> Any:
    """The model in float32; a head that it lacks is drawn by the seed, as `start_model` of a training does."""
    import torch
    from sentence_transformers import CrossEncoder

    labels = None if head_seed is None else 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(head_seed or 0)
        model = load_model(
            found,
            lambda path: CrossEncoder(path, num_labels=labels, device=device, local_files_only=True),
            "is it whole, and a cross-encoder of sentence-transformers?",
        )
    return model.to(torch.float32).eval()


def _check_head(model: Any, found: Model) -> None:
    """Raise `BadInput` if weights of the head are not in the checkpoint: they were drawn at random.

    Only safetensors files of a classifier are looked at, whose head has the same names in the file.
    """
    from safetensors import safe_open

    files = sorted(found.path.rglob("*.safetensors"))
    body = getattr(model.model, "base_model_prefix", "")
    if not (files and body and _classifies(model)):
        return
    there: set[str] = set()
    for file in files:
        with safe_open(file, "numpy") as tensors:
            there |= set(tensors.keys())
    head = [name for name, _ in model.model.named_parameters() if not name.startswith(f"{body}.")]
    if missing := [name for name in head if name not in there]:
        raise BadInput(
            f"the checkpoint of {found.name} lacks weights of its head: {', '.join(missing[:3])}",
            "fetch or save the model again",
        )


def _limit(model: Any, length: int | None) -> None:
    """Apply the maximum length, or say that the model cannot."""
    if length is None:
        return
    least, most = model.tokenizer.num_special_tokens_to_add(pair=True) + 2, longest_input(model)
    if not least <= length <= most:
        raise UsageError(
            f"--max-length {length} does not suit the model, its pairs have {least} to {most} tokens"
        )
    model.max_seq_length = length


def _set_dtype(model: Any, dtype: str) -> None:
    """Change what the transformer below the head computes in; the head stays in float32, or scores would be tied."""
    import torch

    on_cpu = model.device.type == "cpu"
    if dtype == "bfloat16":
        body = model.model.base_model
        body.to(torch.bfloat16)
        body.register_forward_hook(_widen)
        if on_cpu and longest_input(model) <= 512:
            plain_attention(model)
    if on_cpu:
        pairs = [(TRIAL[0], text) for text in TRIAL]

        def trial() -> Float32s:
            with torch.inference_mode():
                found: Float32s = _logits(
                    model, pairs, _tokenize(model, pairs), np.arange(len(pairs))
                ).numpy()
            return found

        pack_linear(model[0], trial, LARGEST_DIFFERENCE if dtype == "float32" else 0.05)


def _widen(module: Any, inputs: Any, output: Any) -> Any:
    """Forward hook: what the transformer computed, in float32."""
    for name, value in list(output.items()):
        if hasattr(value, "is_floating_point") and value.is_floating_point():
            output[name] = value.float()
    return output


def _classifies(model: Any) -> bool:
    """Whether it is a transformer with a classification head, for which a pair is one text after another."""
    first = model[0]
    classifier = getattr(first, "transformer_task", "") == "sequence-classification"
    return classifier and "message" not in getattr(first, "modality_config", {})


def _tokenize(model: Any, pairs: Pairs) -> Tokens | None:
    """The tokens of pairs; None for a model whose inputs are not lists of tokens."""
    prompt = model.prompts.get(model.default_prompt_name)
    return tokenize(model, pairs, None, prompt) if _classifies(model) else None


def _logits(model: Any, pairs: Pairs, tokens: Tokens | None, rows: Rows) -> Any:
    """What the head says of some pairs, before the activation function: a float32 tensor [len(rows)]."""
    if tokens is not None:
        return model(pad(model, tokens, rows))["scores"].float().reshape(len(rows))
    import torch

    some = [pairs[row] for row in rows.tolist()]  # inputs of another form: sentence-transformers' own way
    settings = {"batch_size": len(some), "show_progress_bar": False, "convert_to_tensor": True}
    return model.predict(some, activation_fn=torch.nn.Identity(), **settings).float()
