"""The keys of a recipe: each with the kind and the range of its value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from intrex.data.errors import json_type, nearest_name
from intrex.data.registry import Registry
from intrex.encoders.base import (
    ENCODERS,
    SPARSE_ENCODERS,
    TOKEN_ENCODERS,
    EncoderOptions,
    make_encoder,
    make_sparse_encoder,
    make_token_encoder,
)
from intrex.encoders.fde.config import MOST_PLANES, PROJECTIONS
from intrex.encoders.multivector.single import KINDS as SINGLES
from intrex.encoders.runtime.transformer import DTYPES
from intrex.encoders.training.options import DTYPES as TRAINING_DTYPES
from intrex.retrievers.fusion.fuse import METHODS
from intrex.retrievers.multivector.index import STORES
from intrex.retrievers.sparse.build import BITS
from intrex.retrievers.vectors.options import ENGINES

_MOST = 2**31 - 1
LONGEST_NAME = 200  # bytes: it becomes a file name, with a suffix
_FLOAT32 = 3.4028234663852886e38


@dataclass(frozen=True)
class Key:
    """What the value of a key may be: its kind, the range of a number, the kind of a list's items, the known names."""

    kind: type
    low: float = -math.inf
    high: float = math.inf
    item: type | None = None
    known: tuple[object, ...] = ()
    empty: bool = False

    def problems(self, value: object) -> Iterator[str]:
        """What is wrong with a value."""
        if not is_a(value, self.kind):
            yield f"is {json_type(value)}, needed: {json_type(self.kind())}"
        elif isinstance(value, (int, float)) and not self.low <= value <= self.high:
            yield f"is {value}, needed: {_range(self.low, self.high)}"
        elif value in ("", []) and not self.empty:
            yield "is empty"
        elif self.known and value not in self.known:
            yield f"is {value!r}: {nearest_name(str(value), map(str, self.known))}"
        elif isinstance(value, list) and self.item:
            for part in value:
                if not is_a(part, self.item):
                    yield f"holds {json_type(part)}, needed: {json_type(self.item())}"


def is_a(value: object, kind: type) -> bool:
    """Whether a TOML value is of a kind; an integer is a number, a truth value is not."""
    if kind is bool:
        return isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)


def _range(low: float, high: float) -> str:
    return f"a finite number of {low:.10g} or more" if high >= _MOST else f"{low:.10g} to {high:.10g}"


_COUNT = Key(int, 1, _MOST)
TEXT = Key(str)
TOP = {
    "name": TEXT,
    "queries": TEXT,
    "train": TEXT,
    "split": Key(dict),
    "measures": Key(list, item=str),
    "k": _COUNT,
    "collection": Key(dict),
    "system": Key(list, item=dict),
}
ORIGINS = {
    "build": {"build": TEXT, "sample": _COUNT, "seed": Key(int, 0, _MOST)},
    "import": {"import": TEXT},
}
_PROMPTS = {
    key: Key(str, empty=True) for key in ("query_prompt", "document_prompt")
}  # empty: not the model's own
_ENCODED = {
    "encoder": TEXT,
    "dtype": Key(str, known=tuple(DTYPES)),
    "max_length": _COUNT,
    **_PROMPTS,
    "batch_size": _COUNT,
}
_ANN = {
    "engine": Key(str, known=tuple(ENGINES)),
    "M": Key(int, 2, _MOST),
    "efC": _COUNT,
    "nlist": _COUNT,
    "pq_m": _COUNT,
    "pq_nbits": Key(int, 1, 12),
    "ef_search": _COUNT,
    "nprobe": _COUNT,
}
ENCODED = tuple(_ENCODED)
SEARCHED = ("candidates", "ball_carving", "ef_search", "nprobe")
"""Keys of an index that are of its search: another value of theirs builds nothing again."""
INDEX = {
    "bm25": {"k1": Key(float, 0, _FLOAT32), "b": Key(float, 0, 1)},
    "dense": {**_ENCODED, **_ANN},
    "fde": {
        "tokens": TEXT,
        **_ENCODED,
        "reps": _COUNT,
        "k_sim": Key(int, 0, MOST_PLANES),
        "d_proj": Key(int, 0, _MOST),
        "projection": Key(str, known=PROJECTIONS),
        "final_dim": _COUNT,
        "final_projection": Key(str, known=PROJECTIONS),
        "fill_empty": Key(bool),
        "seed": Key(int, 0, _MOST),
        **_ANN,
        "candidates": _COUNT,
        "ball_carving": Key(float, 1e-9, _FLOAT32),
    },
    "multivector": {
        **_ENCODED,
        "query_length": _COUNT,
        "whole_words": Key(bool),
        "pool_factor": Key(float, 1, _FLOAT32),
        "protected_tokens": Key(int, 0, _MOST),
        "single": Key(str, known=tuple(SINGLES)),
        "store": Key(str, known=STORES),
    },
    "sparse": {**_ENCODED, "quantize": Key(int, known=BITS)},
}
MAKERS: dict[str, tuple[Registry, Callable[[str, EncoderOptions], object]]] = {
    "dense": (ENCODERS, make_encoder),
    "fde": (TOKEN_ENCODERS, make_token_encoder),
    "multivector": (TOKEN_ENCODERS, make_token_encoder),
    "sparse": (SPARSE_ENCODERS, make_sparse_encoder),
}  # what an index's encoder is one of, and what makes it
WITHOUT = {
    "hashing": {"dtype", "max_length", "query_length", "single", *_PROMPTS},
    "static": {"dtype", *_PROMPTS},
}  # keys of an encoded index that some encoders refuse
FUSE = {
    "rrf": {"rrf_k": Key(float, 0, _FLOAT32)},
    "wsum": {"weights": Key(list, item=float)},
}
SPLIT = {
    "protocol": Key(str, known=("resttest", "restrain")),
    "encoder": TEXT,
    "seed": Key(int, 0, _MOST),
    "min_queries": Key(int, 0, _MOST),
}
PROTOCOLS = {
    "resttest": {"k": Key(int, 2, _MOST), "balance": Key(bool), "restarts": _COUNT},
    "restrain": {"per_query": _COUNT},
}
TRAINED = {
    "seeds": _COUNT,
    "loss": Key(str, known=("mnr", "bce")),
    "epochs": _COUNT,
    "batch_size": _COUNT,
    "lr": Key(float, 0, 1),
    "max_length": Key(int, 3, _MOST),
    "negatives": Key(int, 0, _MOST),
    "max_pairs": _COUNT,
    "dev_share": Key(float, 0, 0.9),
    "eval_steps": _COUNT,
    "patience": _COUNT,
    "dtype": Key(str, known=TRAINING_DTYPES),
}
"""Keys of a system's table ``train``: see `intrex.encoders.training.options.TrainOptions`."""
RERANKED = {
    "rerank": TEXT,
    "with": TEXT,
    "depth": _COUNT,
    "max_length": _COUNT,
    "batch_size": _COUNT,
    "dtype": Key(str, known=tuple(DTYPES)),
}
FUSED = {"fuse": Key(list, item=str), "method": Key(str, known=METHODS), "depth": _COUNT}
