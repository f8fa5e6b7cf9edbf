"""Cross-encoders of sentence-transformers: pairs are sorted by their true number of tokens and batched by tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.specs import EncoderSpec
from intrex.encoders.cross.base import CROSS_ENCODER, PairScorer, use_threads
from intrex.encoders.options import CROSS, EncoderOptions
from intrex.encoders.runtime.batching import AT_ONCE, Tokens, batches, pad, token_budget, tokenize
from intrex.encoders.runtime.encoder import check_length
from intrex.encoders.runtime.models import ModelFiles, resolve_model
from intrex.encoders.runtime.transformer import (
    TRIAL,
    check_runtime,
    load_by_class,
    longest_input,
    set_float_dtype,
)

Pairs = list[tuple[str, str]]

DTYPES = ("float32", "bfloat16")


class CrossEncoderScorer(PairScorer):
    """Scorer by a cross-encoder: what ``CrossEncoder.predict`` gives, its activation function included, to 1e-5 in float32.

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
        files = resolve_model(name, options.revision)
        params: dict[str, Any] = {"dtype": options.dtype}
        if head_seed is None:
            _check_kind(files)
        else:  # what is drawn depends on the libraries
            params |= {"head_seed": head_seed, **{name: version(name) for name in ("torch", "transformers")}}
        length = options.max_length
        self.spec = EncoderSpec(CROSS_ENCODER, files.label, files.revision, 1, length, params=params)
        self._files, self._options = files, options
        self._head_seed, self._threads = head_seed, threads
        self._model: Any = None

    def parts(self, queries: Sequence[str], documents: Sequence[str]) -> Iterator[tuple[Rows, Scores]]:
        """Score pairs as `PairScorer.parts` says; the longest pairs of each 4,096 come first.

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
        model = _open(self._files, self._options.device, self._head_seed)
        if model.num_labels != 1:
            raise self._files.unfit(
                f"has {model.num_labels} labels, a reranker has one", "name a model that was trained to rank"
            )
        if self._head_seed is None:
            _check_head(model, self._files)
        _limit(model, self._options.max_length)
        _set_dtype(model, self._options.dtype)
        return model


def _check_kind(files: ModelFiles) -> None:
    """Raise `BadInput` unless the model's configuration says that it is a cross-encoder."""
    saved, config = files.config("config_sentence_transformers.json"), files.config()
    architecture = str((config.get("architectures") or [""])[0])
    if saved.get("model_type") != "CrossEncoder" and not architecture.endswith("ForSequenceClassification"):
        raise files.unfit(
            "is no cross-encoder: it has no head that scores pairs",
            "--with dense:NAME compares its vectors; intrex train cross-encoder makes a cross-encoder of it",
        )


def _open(files: ModelFiles, device: str | None, head_seed: int | None) -> Any:
    """Load the model in float32; a head that it lacks is drawn by the seed, as `start_model` of a training does."""
    import torch

    labels, hint = (
        None if head_seed is None else 1,
        "is it whole, and a cross-encoder of sentence-transformers?",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(head_seed or 0)
        model = load_by_class(files, "CrossEncoder", device, hint, num_labels=labels)
    return model.to(torch.float32).eval()


def _check_head(model: Any, files: ModelFiles) -> None:
    """Raise `BadInput` if weights of the head are not in the checkpoint: they were drawn at random.

    Only safetensors files of a classifier are looked at, whose head has the same names in the file.
    """
    from safetensors import safe_open

    checkpoints = sorted(files.path.rglob("*.safetensors"))
    body = getattr(model.model, "base_model_prefix", "")
    if not (checkpoints and body and _classifies(model)):
        return
    names: set[str] = set()
    for file in checkpoints:
        with safe_open(file, "numpy") as tensors:
            names |= set(tensors.keys())
    head = [name for name, _ in model.model.named_parameters() if not name.startswith(f"{body}.")]
    if missing := [name for name in head if name not in names]:
        raise BadInput(
            f"the checkpoint of {files.name} lacks weights of its head: {', '.join(missing[:3])}",
            "fetch or save the model again",
        )


def _limit(model: Any, length: int | None) -> None:
    """Apply the maximum length, or say that the model cannot."""
    if length is None:
        return
    least = model.tokenizer.num_special_tokens_to_add(pair=True) + 2
    check_length(model, length, least, noun="its pairs have")
    model.max_seq_length = length


def _set_dtype(model: Any, dtype: str) -> None:
    """Change the dtype of the transformer below the head; the head stays in float32, or scores would be tied."""
    import torch

    pairs = [(TRIAL[0], text) for text in TRIAL]

    def trial() -> Float32s:
        with torch.inference_mode():
            logits = _logits(model, pairs, _tokenize(model, pairs), np.arange(len(pairs)))
        return np.asarray(logits.numpy(), np.float32)

    longest = longest_input(model) if dtype == "bfloat16" else 0
    set_float_dtype(model, model.model.base_model, dtype, trial, longest)


def _classifies(model: Any) -> bool:
    """Tell whether a model is a transformer with a classification head, for which a pair is one text after another."""
    first = model[0]
    classifier = getattr(first, "transformer_task", "") == "sequence-classification"
    return classifier and "message" not in getattr(first, "modality_config", {})


def _tokenize(model: Any, pairs: Pairs) -> Tokens | None:
    """Tokenise pairs; None for a model whose inputs are not lists of tokens."""
    prompt = model.prompts.get(model.default_prompt_name)
    return tokenize(model, pairs, None, prompt) if _classifies(model) else None


def _logits(model: Any, pairs: Pairs, tokens: Tokens | None, rows: Rows) -> Any:
    """Return the head's outputs for pairs, before the activation function: a float32 tensor [len(rows)]."""
    if tokens is not None:
        return model(pad(model, tokens, rows))["scores"].float().reshape(len(rows))
    import torch

    batch = [pairs[row] for row in rows.tolist()]  # inputs of another form: sentence-transformers' own way
    settings = {"batch_size": len(batch), "show_progress_bar": False, "convert_to_tensor": True}
    return model.predict(batch, activation_fn=torch.nn.Identity(), **settings).float()
