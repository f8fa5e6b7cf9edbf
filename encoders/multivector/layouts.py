"""The forms in which multi-vector models are saved, and what to do with a model that is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput
from intrex.encoders.multivector.colberter import Learned, is_colberter, load_colberter
from intrex.encoders.runtime.models import Model, say_once
from intrex.encoders.runtime.transformer import load_model

_PYLATE = {
    "query_prefix",
    "document_prefix",
    "do_query_expansion",
    "attend_to_expansion_tokens",
    "skiplist_words",
}
"""Keys of ``config_sentence_transformers.json`` by which a model that PyLate saved is known."""


def find_layout(found: Model) -> str:
    """The form in which a model is saved.

    Returns:
        ``sentence-transformers``, ``pylate``, ``colbert`` (Stanford's), ``colberter``, or ``transformer`` for a model
        of one vector a text, or of none.

    Raises:
        BadInput: the model is of a kind that has no token vectors to compare, or compares them in another way.
    """
    saved = _read(found.path / "config_sentence_transformers.json")
    config = _read(found.path / "config.json")
    kind = str(saved.get("model_type", ""))
    architecture = str((config.get("architectures") or [""])[0])
    if kind == "MultiVectorEncoder":
        return "sentence-transformers"
    if kind == "ColBERT" or _PYLATE & set(saved):
        return "pylate"
    if architecture == "HF_ColBERT":
        _check_colbert(found, _read(found.path / "artifact.metadata"))
        return "colbert"
    if is_colberter(config):
        return "colberter"
    if kind == "CrossEncoder" or architecture.endswith("ForSequenceClassification"):
        raise BadInput(
            f"the model {found.name} is a cross-encoder, it has no token vectors to compare",
            "intrex rerank RUN --with MODEL",
        )
    if kind not in ("", "SentenceTransformer") or architecture.endswith("ForRetrieval"):
        raise BadInput(
            f"the model {found.name} is a {kind or architecture}, not a multi-vector model of texts"
        )
    return "transformer"


def load_layout(found: Model, device: str | None) -> tuple[Any, str, Learned | None]:
    """A sentence-transformers ``MultiVectorEncoder`` of the model, its layout (`find_layout`), and what else it learned.

    Raises:
        BadInput: as `find_layout`, or the model cannot be loaded.
    """
    import torch

    layout, learned = find_layout(found), None
    hint = f"is it whole? It looks like a model of {layout}"
    if layout == "transformer":
        model = load_model(
            found,
            lambda path: _plain(found, path, device),
            "is it a transformer that sentence-transformers can load?",
        )
        say_once(
            f"model {found.name} is no multi-vector model: its own token vectors are used, brought to length 1, "
            "without a projection"
        )
    elif layout == "colberter":
        config = _read(found.path / "config.json")
        model, learned = load_model(found, lambda _: load_colberter(found, config, device), hint)
    else:
        model = load_model(found, lambda path: _multi_vector(found, path, device), hint)
    if layout == "colbert":
        _check_markers(model, found)
    return model.to(torch.float32).eval(), layout, learned


def _multi_vector(found: Model, path: str, device: str | None) -> Any:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer

    model = MultiVectorEncoder(path, device=device, local_files_only=True)
    if not isinstance(model[0], Transformer):
        raise BadInput(
            f"the model {found.name} begins with a {type(model[0]).__name__}, not with a transformer"
        )
    return model


def _plain(found: Model, path: str, device: str | None) -> Any:
    """The transformer of a single-vector model with its trained projections, but without its pooling."""
    from sentence_transformers import MultiVectorEncoder, SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from sentence_transformers.sentence_transformer.modules import Pooling

    whole = SentenceTransformer(path, device=device, local_files_only=True)
    kept = [module for module in whole if not isinstance(module, Pooling | Normalize)]
    if not kept or not isinstance(kept[0], Transformer):
        raise BadInput(f"the model {found.name} has no transformer, so no token vectors")
    for module in kept[1:]:
        if not isinstance(module, Dense):
            raise BadInput(
                f"the model {found.name} has a {type(module).__name__}, which is not for token vectors"
            )
        module.module_input_name = module.module_output_name = "token_embeddings"
    return MultiVectorEncoder(
        modules=[*kept, MultiVectorMask(), Normalize(module_input_name="token_embeddings")],
        prompts=whole.prompts,
        default_prompt_name=whole.default_prompt_name,
        device=device,
    )


def _check_colbert(found: Model, metadata: dict[str, Any]) -> None:
    """Stanford's ColBERT has settings that make another score; sentence-transformers does not read them."""
    for key, ours in (("similarity", "cosine"), ("interaction", "colbert")):
        if metadata.get(key, ours) != ours:
            raise BadInput(f"the model {found.name} has {key} {metadata[key]!r}; only {ours!r} is supported")


def _check_markers(model: Any, found: Model) -> None:
    for role in ("query", "document"):
        marker = model.prompts[role].strip()
        if model.tokenizer.tokenize(marker) != [marker]:
            raise BadInput(f"the {role} marker {marker} is no token of the model {found.name}")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise BadInput(f"not JSON: {error} ({path})") from error
    return found if isinstance(found, dict) else {}
