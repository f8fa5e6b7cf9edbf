"""Forms in which multi-vector models are saved, and the loading of each; a model of another kind gives its token vectors."""

from __future__ import annotations

from typing import Any

from intrex.data.errors import BadInput
from intrex.encoders.multivector.colberter import Learned, is_colberter, load_colberter
from intrex.encoders.runtime.models import NO_CODE, ModelFiles, say_once
from intrex.encoders.runtime.transformer import load_model

_PYLATE = {
    "query_prefix",
    "document_prefix",
    "do_query_expansion",
    "attend_to_expansion_tokens",
    "skiplist_words",
}
"""Keys of ``config_sentence_transformers.json`` by which a model that PyLate saved is known."""


def find_layout(files: ModelFiles) -> str:
    """Find the form in which a model is saved.

    Returns:
        ``sentence-transformers``, ``pylate``, ``colbert`` (Stanford's), ``colberter``, or ``transformer`` for a model
        of one vector a text, or of none.

    Raises:
        BadInput: the model is of a kind that has no token vectors to compare, or compares them in another way.
    """
    saved = files.config("config_sentence_transformers.json")
    config = files.config()
    kind = str(saved.get("model_type", ""))
    architecture = str((config.get("architectures") or [""])[0])
    if kind == "MultiVectorEncoder":
        return "sentence-transformers"
    if kind == "ColBERT" or _PYLATE & set(saved):
        return "pylate"
    if architecture == "HF_ColBERT":
        _check_colbert(files, files.config("artifact.metadata"))
        return "colbert"
    if is_colberter(config):
        return "colberter"
    if kind == "CrossEncoder" or architecture.endswith("ForSequenceClassification"):
        raise files.unfit(
            "is a cross-encoder, it has no token vectors to compare", "intrex rerank RUN --with MODEL"
        )
    if kind not in ("", "SentenceTransformer") or architecture.endswith("ForRetrieval"):
        raise files.unfit(f"is a {kind or architecture}, not a multi-vector model of texts")
    return "transformer"


def load_layout(files: ModelFiles, device: str | None) -> tuple[Any, str, Learned | None]:
    """Load a model as a ``MultiVectorEncoder`` of sentence-transformers, with its layout (`find_layout`) and what else it learned.

    Raises:
        BadInput: as `find_layout`, or the model cannot be loaded.
    """
    import torch

    layout, learned = find_layout(files), None
    hint = f"is it whole? It looks like a model of {layout}"
    if layout == "transformer":
        model = load_model(
            files,
            lambda path: _plain(files, path, device),
            "is it a transformer that sentence-transformers can load?",
        )
        say_once(
            f"model {files.name} is no multi-vector model: its own token vectors are used, brought to length 1, "
            "without a projection"
        )
    elif layout == "colberter":
        config = files.config()
        model, learned = load_model(files, lambda _: load_colberter(files, config, device), hint)
    else:
        model = load_model(files, lambda path: _multi_vector(files, path, device), hint)
    if layout == "colbert":
        _check_markers(model, files)
    return model.to(torch.float32).eval(), layout, learned


def _multi_vector(files: ModelFiles, path: str, device: str | None) -> Any:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer

    model = MultiVectorEncoder(path, device=device, local_files_only=True, **NO_CODE)
    if not isinstance(model[0], Transformer):
        raise files.unfit(f"begins with a {type(model[0]).__name__}, not with a transformer")
    return model


def _plain(files: ModelFiles, path: str, device: str | None) -> Any:
    """Load the transformer of a single-vector model with its trained projections, but without its pooling."""
    from sentence_transformers import MultiVectorEncoder, SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from sentence_transformers.sentence_transformer.modules import Pooling

    whole = SentenceTransformer(path, device=device, local_files_only=True, **NO_CODE)
    layers = [module for module in whole if not isinstance(module, Pooling | Normalize)]
    if not layers or not isinstance(layers[0], Transformer):
        raise files.unfit("has no transformer, so no token vectors")
    for module in layers[1:]:
        if not isinstance(module, Dense):
            raise files.unfit(f"has a {type(module).__name__}, which is not for token vectors")
        module.module_input_name = module.module_output_name = "token_embeddings"
    return MultiVectorEncoder(
        modules=[*layers, MultiVectorMask(), Normalize(module_input_name="token_embeddings")],
        prompts=whole.prompts,
        default_prompt_name=whole.default_prompt_name,
        device=device,
    )


def _check_colbert(files: ModelFiles, metadata: dict[str, Any]) -> None:
    """Raise `BadInput` for settings of Stanford's ColBERT that make another score: sentence-transformers does not read them."""
    for key, value in (("similarity", "cosine"), ("interaction", "colbert")):
        if metadata.get(key, value) != value:
            raise files.unfit(f"has {key} {metadata[key]!r}; only {value!r} is supported")


def _check_markers(model: Any, files: ModelFiles) -> None:
    for role in ("query", "document"):
        marker = model.prompts[role].strip()
        if model.tokenizer.tokenize(marker) != [marker]:
            raise BadInput(f"the {role} marker {marker} is no token of the model {files.name}")
