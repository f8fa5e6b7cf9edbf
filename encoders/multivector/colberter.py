"""ColBERTer checkpoints (Hofstätter et al. 2022): a vector of [CLS], and whole words that a learned gate lets pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from intrex.data.arrays import Float32s, Int64s
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.base import Role
from intrex.encoders.multivector.reductions import gate_stopwords, pool_words, select
from intrex.encoders.multivector.single import set_single, take_cls
from intrex.encoders.runtime.models import NO_CODE, ModelFiles, resolve_model, say_once


class Linear(NamedTuple):
    """x ↦ x · weightᵀ + bias, with weight [out, in] and bias [out]."""

    weight: Float32s
    bias: Float32s


@dataclass(frozen=True, eq=False)
class Learned:
    """Weights that a ColBERTer has learned beside its token vectors; `apply` takes these in this order.

    Attributes:
        whole_words: `pool_words`, after the tokens that belong to no word were dropped.
        gate: to one number, for `gate_stopwords`; of documents only.
        projection: to still fewer dimensions.
        dim: dimensions of the vectors that are left.
        single_dim: dimensions of the vector of [CLS].
        gamma: the score is σ(γ) · that of [CLS] + (1 − σ(γ)) · that of the tokens.
    """

    whole_words: bool
    gate: Linear | None
    projection: Linear | None
    dim: int
    single_dim: int
    gamma: float

    def apply(self, packed: PackedVectors, words: Int64s, role: Role) -> tuple[PackedVectors, Int64s]:
        """Return the vectors that are left of each text, and their words; ``words`` [total] is read for whole words only."""
        if self.whole_words:
            inside = words >= 0
            packed, words = pool_words(select(packed, inside), words[inside])
        if self.gate is not None and role == "document":
            packed, passed = gate_stopwords(packed, self.gate.weight[0], float(self.gate.bias[0]))
            words = words[passed] if len(words) else words
        if self.projection is not None:
            projected: Float32s = packed.vectors @ self.projection.weight.T + self.projection.bias
            packed = packed._replace(vectors=projected)
        return packed, words


def is_colberter(config: Mapping[str, Any]) -> bool:
    """Tell whether a ``config.json`` is a ColBERTer's."""
    return config.get("model_type") == "ColBERT" and "compression_dim" in config


def load_colberter(files: ModelFiles, config: Mapping[str, Any], device: str | None) -> tuple[Any, Learned]:
    """Load a sentence-transformers ``MultiVectorEncoder`` of the compressed token vectors, nothing normalised, and the rest.

    Its tokenizer and the shape of its transformer come from the model that the checkpoint names.

    Raises:
        BadInput: it scores by exact matches, the transformer is not here, or weights are missing.
    """
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    if config.get("compress_to_exact_mini_mode"):
        raise files.unfit("scores exact matches of words only (Uni-ColBERTer), not by MaxSim")
    base = str(config["bert_model"])
    say_once(f"model {files.name} is built on {base}")
    weights = Dense.load_torch_weights(str(files.path), local_files_only=True)
    settings = {"local_files_only": True, **NO_CODE}
    transformer = Transformer(
        str(resolve_model(base).path), model_kwargs=settings, processor_kwargs=NO_CODE, config_kwargs=NO_CODE
    )
    _load_transformer(transformer, weights, files)
    compressor, retrieval = _linear(weights, "compressor"), _linear(weights, "compressor_retrieval")
    set_single(transformer, lambda features: _cls(features, retrieval))
    modules: list[Any] = [transformer, *([_dense(compressor)] if compressor else []), MultiVectorMask()]
    gate, projection = _linear(weights, "stop_word_reducer"), _linear(weights, "mini_compressor")
    hidden = int(transformer.get_embedding_dimension())
    learned = Learned(
        bool(config.get("aggregate_unique_ids")), gate, projection, _size(projection or compressor, hidden),
        _size(retrieval, hidden), float(weights["score_merger"]),
    )  # fmt: skip
    return MultiVectorEncoder(modules=modules, device=device), learned


def _cls(features: Mapping[str, Any], layer: Linear | None) -> Any:
    import torch

    vectors = take_cls(features)
    if layer is None:
        return vectors
    weight, bias = (torch.from_numpy(x).to(vectors.device) for x in layer)
    return torch.nn.functional.linear(vectors, weight, bias)


def _size(layer: Linear | None, default: int) -> int:
    return default if layer is None else len(layer.bias)


def _load_transformer(transformer: Any, weights: Mapping[str, Any], files: ModelFiles) -> None:
    prefix = "bert_model."
    state = {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
    keys, _ = transformer.model.load_state_dict(state, strict=False)
    if missing := [name for name in keys if not name.endswith("position_ids")]:
        raise files.unfit(f"lacks {len(missing)} weights of its transformer, first {missing[0]}")


def _linear(weights: Mapping[str, Any], name: str) -> Linear | None:
    if f"{name}.weight" not in weights:
        return None
    return Linear(weights[f"{name}.weight"].float().numpy(), weights[f"{name}.bias"].float().numpy())


def _dense(layer: Linear) -> Any:
    import torch
    from sentence_transformers.base.modules import Dense

    return Dense(
        layer.weight.shape[1],
        layer.weight.shape[0],
        activation_function=None,
        init_weight=torch.from_numpy(layer.weight),
        init_bias=torch.from_numpy(layer.bias),
        module_input_name="token_embeddings",
    )
