"""Static embeddings: one vector a token, distilled from a transformer, averaged over a text. No network to run."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import shutil
import tempfile
from collections import Counter
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from intrex.data.arrays import Float32s, Int64s
from intrex.data.cache import cache_dir
from intrex.data.errors import BadInput, MissingExtra, UsageError
from intrex.data.io.files import fingerprint, read_json
from intrex.data.numeric.rows import unit
from intrex.data.numeric.spans import cuts, offsets_of
from intrex.data.specs import EncoderSpec
from intrex.encoders.base import Role
from intrex.encoders.model2vec import CHARACTERS, apply_rules, is_model2vec
from intrex.encoders.options import STATIC, EncoderOptions
from intrex.encoders.runtime.models import NO_CODE, ModelFiles, quiet, refuse_code, require, resolve_model
from intrex.encoders.runtime.transformer import check_runtime

log = logging.getLogger("intrex")

DEFAULT_DIM = 256
TOKENS_AT_ONCE = 2048
TEXTS_AT_ONCE = 1024
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
_KEYS = ("embedding.weight", "embeddings")
"""Names of the matrix in files of sentence-transformers and of model2vec."""


class StaticEncoder:
    """Encoder by the normalised mean of the vectors of a text's tokens; zero for a text without tokens.

    The same vectors as ``SentenceTransformer(modules=[StaticEmbedding(...)])`` with ``normalize_embeddings`` or, of a
    folder that model2vec wrote, as ``StaticModel.encode`` with ``normalize``. They are the same bits in every batch; an index keeps the weights, so that it does not depend on how they were made.
    """

    def __init__(self, weights: Float32s, tokenizer: str, name: str, params: dict[str, Any]) -> None:
        """Take over ``weights`` [tokens, dim] in float32 and the tokenizer as the JSON text of ``tokenizers``."""
        from tokenizers import Tokenizer

        self._weights = np.ascontiguousarray(weights, np.float32)
        self._json = tokenizer
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        highest = self._tokenizer.get_vocab_size()
        if self._weights.ndim != 2 or len(self._weights) < highest:
            raise BadInput(f"the static model {name} has vectors {self._weights.shape} for {highest} tokens")
        digest = hashlib.sha256(self._weights.tobytes() + tokenizer.encode("utf-8")).hexdigest()
        length = (self._tokenizer.truncation or {}).get("max_length")
        dim, self.overlong = self._weights.shape[1], Counter[str]()
        self.spec = EncoderSpec(
            "static", name, f"sha256:{digest}", dim, length, pooling="mean", params=params
        )

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Load the static model ``name``, or distil one from the transformer of that name (about 20 s for MiniLM).

        Args:
            name: a hub name or a folder: of a static model (sentence-transformers, model2vec, or what `save` wrote) or
                of a transformer.
            options: ``dim`` is the number of dimensions to distil to (256), ``device`` where; ``max_length`` takes the
                place of the model's own.

        Raises:
            UsageError: no name, an option without a meaning here, or dimensions that the model cannot give.
            BadInput: the model is nowhere to be found, or has further layers.
            MissingExtra: a package is missing.
        """
        STATIC.refuse(options)
        files = resolve_model(name, options.revision)
        params: dict[str, Any] = {"normalized": True, "similarity": "dot"}
        if (folder := _find_embedding(files.path)) is not None:
            STATIC.note_device(options)
            weights, tokenizer = _read(folder)
            if options.dim not in (None, weights.shape[1]):
                raise UsageError(
                    f"--dim {options.dim} does not suit the static model {name}, it has {weights.shape[1]}"
                )
        else:
            weights, tokenizer = _distil_once(files, options.dim or DEFAULT_DIM, options)
            params["distilled_from"] = files.revision
        if folder is not None and is_model2vec(folder):
            weights, tokenizer, rules = apply_rules(folder, weights, tokenizer, options.max_length)
            params |= rules
        elif options.max_length is not None:
            tokenizer = _truncate(tokenizer, options.max_length)
        return cls(weights, tokenizer, files.label, params)

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Read back what `save` wrote; raises `BadInput` when it is missing or not what the spec says."""
        require("tokenizers", "a static encoder")
        STATIC.note_device(options)
        if not (folder / WEIGHTS).is_file() or not (folder / TOKENIZER).is_file():
            raise BadInput(f"the weights of the static encoder are missing: {folder}", "rebuild the index")
        weights, tokenizer = _read(folder)
        encoder = cls(weights, tokenizer, spec.name, dict(spec.params))
        if encoder.spec.fingerprint != spec.fingerprint:
            raise BadInput(
                f"damaged: the weights are not those that were written ({folder})", "rebuild the index"
            )
        return encoder

    def save(self, folder: Path) -> None:
        """Write weights and tokenizer into ``folder``, in a form that sentence-transformers' StaticEmbedding reads."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file({_KEYS[0]: self._weights}, folder / WEIGHTS)
        (folder / TOKENIZER).write_text(self._json, encoding="utf-8", newline="\n")

    def parts(self) -> tuple[Float32s, str]:
        """Return the vectors of the tokens [tokens, dim], and the tokenizer as JSON, for a training to begin with."""
        return self._weights, self._json

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Return vectors [len(texts), dim] in float32, in the order of ``texts``, of length 1 or zero."""
        out = np.zeros((len(texts), self.spec.dim), np.float32)
        most = self.spec.params.get(CHARACTERS)
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            whole = texts[start : start + TEXTS_AT_ONCE]
            batch = [text[:most] for text in whole]
            encoded = self._tokenizer.encode_batch(batch, add_special_tokens=False)
            lengths = np.array([len(e.ids) for e in encoded], np.int64)
            ids = np.fromiter(chain.from_iterable(e.ids for e in encoded), np.int64, int(lengths.sum()))
            cut = (e.overflowing if len(e.ids) == self.spec.max_length else () for e in encoded)
            pairs = zip(whole, batch, cut, strict=True)
            self.overlong[role] += sum(len(text) > len(head) or bool(rest) for text, head, rest in pairs)
            self._sum(ids, lengths, out[start : start + TEXTS_AT_ONCE])
        return unit(out)  # the mean and the sum have the same direction

    def _sum(self, ids: Int64s, lengths: Int64s, out: Float32s) -> None:
        """Add up the vectors of each text's tokens, in the order of the text whatever is beside it."""
        ends, full = np.cumsum(lengths), np.flatnonzero(lengths)
        for low, high in cuts(offsets_of(lengths[full]), TOKENS_AT_ONCE):
            rows = full[low:high]
            first, last = int(ends[rows[0]] - lengths[rows[0]]), int(ends[rows[-1]])
            starts = ends[rows] - lengths[rows] - first
            for start in range(first, last, TOKENS_AT_ONCE):  # more than one piece: one long text
                piece = self._weights[ids[start : min(start + TOKENS_AT_ONCE, last)]]
                out[rows] += np.add.reduceat(piece, starts, axis=0)


def _find_embedding(folder: Path) -> Path | None:
    """Find the folder that holds a static embedding: this one or that of its first module; None for a transformer."""
    from safetensors import SafetensorError, safe_open

    modules = folder / "modules.json"
    parts: list[dict[str, str]] = json.loads(modules.read_text(encoding="utf-8")) if modules.is_file() else []
    for place in [folder, *(folder / part["path"] for part in parts[:1])]:
        if (place / WEIGHTS).is_file() and (place / TOKENIZER).is_file():
            try:
                with safe_open(place / WEIGHTS, "numpy") as tensors:
                    static = not set(_KEYS).isdisjoint(tensors.keys())
            except SafetensorError as error:
                raise BadInput(f"not sound weights: {error} ({place / WEIGHTS})") from error
            if static:
                layers = {part["type"].rpartition(".")[2] for part in parts[1:]} - {"Normalize"}
                if layers:
                    raise BadInput(
                        f"the static model {folder} has further layers: {', '.join(sorted(layers))}",
                        "use it as dense:FOLDER",
                    )
                return place
    return None


def _read(folder: Path) -> tuple[Float32s, str]:
    """Read weights [tokens, dim] and the tokenizer's JSON; model2vec's mapping and token weights are multiplied in."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / WEIGHTS)
        weights = next(tensors[key] for key in _KEYS if key in tensors).astype(np.float32)
    # Damaged, something else, or of a type that numpy lacks.
    except (SafetensorError, StopIteration, TypeError) as error:
        raise BadInput(f"not a static model's weights: {error!r} ({folder / WEIGHTS})") from error
    if "mapping" in tensors:
        weights = weights[tensors["mapping"].astype(np.int64)]
    if "weights" in tensors:
        weights = weights * tensors["weights"].astype(np.float32)[:, None]
    read_json(folder / TOKENIZER)  # for its message when the file is damaged
    return weights, (folder / TOKENIZER).read_text(encoding="utf-8")


def _truncate(tokenizer: str, length: int) -> str:
    from tokenizers import Tokenizer

    changed = Tokenizer.from_str(tokenizer)
    changed.enable_truncation(length)
    return str(changed.to_str())


def _distil_once(files: ModelFiles, dim: int, options: EncoderOptions) -> tuple[Float32s, str]:
    """Distil as `_distil` does, or read from intrex's cache folder what it made for an earlier index."""
    versions = [version(name) for name in ("sentence-transformers", "torch", "transformers")]
    cached = cache_dir() / "static" / fingerprint([files.revision, dim, options.device or "", versions])[:32]
    with contextlib.suppress(OSError, BadInput, ValueError):
        encoder = StaticEncoder(*_read(cached), files.name, {})
        if encoder.spec.revision == (cached / "revision").read_text(encoding="ascii"):
            return encoder.parts()
    check_runtime(options)
    weights, tokenizer = _distil(files, dim, options.device)
    with contextlib.suppress(OSError):  # a cache that cannot be written is none
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cached.parent, prefix=".") as folder:
            part = Path(folder) / "part"
            encoder = StaticEncoder(weights, tokenizer, files.name, {})
            encoder.save(part)
            (part / "revision").write_text(encoder.spec.revision, encoding="ascii")
            shutil.rmtree(cached, ignore_errors=True)  # damaged, or there is none
            part.replace(cached)
    return weights, tokenizer


def _distil(files: ModelFiles, dim: int, device: str | None) -> tuple[Float32s, str]:
    """Distil token vectors from a transformer by model2vec: forward pass of each token, PCA, down-weighted by rank."""
    require("model2vec", "distilling a static model")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from transformers import AutoConfig

    log.info("distilling %d dimensions from %s, about half a minute", dim, files.name)
    with quiet(), contextlib.redirect_stderr(io.StringIO()):  # its progress bar cannot be switched off
        try:
            most = AutoConfig.from_pretrained(str(files.path), **NO_CODE).hidden_size
            if not 1 <= dim <= most:
                raise UsageError(
                    f"--dim {dim} does not suit the model {files.name}, its vectors have {most} dimensions"
                )
            static = StaticEmbedding.from_distillation(
                str(files.path), device=device, pca_dims=dim, **NO_CODE
            )
        except ImportError as error:
            raise MissingExtra("model2vec[distill]", "dense", "distilling a static model") from error
        except (OSError, ValueError, KeyError, AttributeError) as error:
            refuse_code(files.name, error)
            raise BadInput(f"no static model can be distilled from {files.name}: {error}") from error
    weights = static.embedding.weight.detach().float().cpu().numpy()
    return weights, static.tokenizer.to_str()
