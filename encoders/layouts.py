"""The forms in which multi-vector models are saved, and what to do with a model that is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput
from intrex.encoders.models import Model, say_once
from intrex.encoders.transformer import load_model


def load_layout(found: Model, device: str | None) -> tuple[Any, str]:
    """A sentence-transformers ``MultiVectorEncoder`` of the model, and the name of the form it is saved in.

    Raises:
        BadInput: the model cannot be loaded, or is of a kind that has no token vectors to compare.
    """
    config = _read(found.path / "config_sentence_transformers.json")
    kind = str(config.get("model_type", "SentenceTransformer"))
    names = _read(found.path / "config.json").get("architectures") or [""]
    if kind == "CrossEncoder" or str(names[0]).endswith("ForSequenceClassification"):
        raise BadInput(
            f"the model {found.name} is a cross-encoder, it has no token vectors to compare",
            "intrex rerank RUN --with MODEL",
        )
    if kind != "SentenceTransformer":
        raise BadInput(f"the model {found.name} is a {kind}, not a multi-vector model")
    model = load_model(
        found,
        lambda path: _plain(found, path, device),
        "is it a transformer that sentence-transformers can load?",
    )
    say_once(
        f"model {found.name} is no multi-vector model: its own token vectors are used, brought to length 1, "
        "without a projection"
    )
    return model, "transformer"


def _plain(found: Model, path: str, device: str | None) -> Any:
    """The transformer of a single-vector model with its trained projections, but without its pooling."""
    from sentence_transformers import MultiVectorEncoder, SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from sentence_transformers.sentence_transformer.modules import Pooling

    whole = SentenceTransformer(path, device=device, local_files_only=True)
    kept = [module for module in whole if not isinstance(module, Pooling | Normalize)]
    for module in kept[1:]:
        if not isinstance(module, Dense):
            raise BadInput(
                f"the model {found.name} has a {type(module).__name__}, which is not for token vectors"
            )
        module.module_input_name = module.module_output_name = "token_embeddings"
    if not kept or not isinstance(kept[0], Transformer):
        raise BadInput(f"the model {found.name} has no transformer, so no token vectors")
    return MultiVectorEncoder(
        modules=[*kept, MultiVectorMask(), Normalize(module_input_name="token_embeddings")],
        prompts=whole.prompts,
        default_prompt_name=whole.default_prompt_name,
        device=device,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise BadInput(f"not JSON: {error} ({path})") from error
    return found if isinstance(found, dict) else {}
