"""A parsed measure: a definition's name with its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from intrex.data.arrays import Float64s
from intrex.data.errors import UsageError
from intrex.data.registry import Registry
from intrex.eval.measures.custom import custom_definition, is_custom
from intrex.eval.measures.kinds import aggregate
from intrex.eval.measures.rankings import Rankings
from intrex.eval.measures.ties import TiedRankings

_TABLE = {
    "binary": {
        "AP": "average_precision",
        "AP_cap": "capped_average_precision",
        "F": "f_measure",
        "GMAP": "geometric_map",
        "IPrec": "interpolated_precision",
        "IPrecAvg": "eleven_point_average",
        "P": "precision",
        "R": "recall",
        "R_cap": "capped_recall",
        "RR": "reciprocal_rank",
        "Rprec": "r_precision",
        "Rprec_mult": "precision_at_multiple",
        "Success": "success",
        "YAAP": "smoothed_average_precision",
    },
    "sets": {
        "SetAP": "set_average_precision",
        "SetF": "set_f",
        "SetP": "set_precision",
        "SetR": "set_recall",
        "Utility": "utility",
    },
    "graded": {
        "DCG": "dcg_sum",
        "ERR": "expected_reciprocal_rank",
        "Q": "q_measure",
        "RBP": "rank_biased_precision",
        "nDCG": "ndcg",
        "nERR": "normalised_err",
        "sRBP": "scaled_rank_biased_precision",
    },
    "pool": {
        "Bpref": "bpref",
        "GMBpref": "geometric_bpref",
        "Hole": "hole",
        "Judged": "judged",
        "NumNonRelRet": "n_nonrelevant_retrieved",
        "NumQ": "n_queries",
        "NumRel": "n_relevant",
        "NumRelRet": "n_relevant_retrieved",
        "NumRet": "n_retrieved",
        "RBPResidual": "rbp_residual",
        "Unjudged": "unjudged",
        "infAP": "inferred_average_precision",
    },
    "cost": {
        "G": "normalised_gain",
        "Rndcg": "ndcg_at_levels",
        "binG": "binary_gain",
        "nDCG_rel": "ndcg_at_relevant",
    },
    "order": {"Compat": "compatibility", "PairAccuracy": "pair_accuracy"},
    "cwl": {
        "BPM": "bejeweled_player",
        "CWL_AP": "cwl_average_precision",
        "CWL_P": "cwl_precision",
        "CWL_RBP": "cwl_rank_biased_precision",
        "CWL_RR": "cwl_reciprocal_rank",
        "INSQ": "insq",
        "INST": "inst",
        "NERR8": "nearly_err_8",
        "NERR9": "nearly_err_9",
        "NERR10": "nearly_err_10",
        "NERR11": "nearly_err_11",
        "SDCG": "scaled_dcg",
    },
    "diversity": {
        "AP_IA": "intent_aware_ap",
        "ERR_IA": "intent_aware_err",
        "NRBP": "novelty_rbp",
        "P_IA": "intent_aware_precision",
        "StRecall": "subtopic_recall",
        "alpha_DCG": "alpha_dcg",
        "alpha_nDCG": "alpha_ndcg",
        "nERR_IA": "normalised_intent_aware_err",
        "nNRBP": "normalised_novelty_rbp",
    },
}
MEASURES: Registry[Callable[..., Any]] = Registry(
    "intrex.measures",
    "measure",
    {name: f"intrex.eval.measures.{m}:{f}" for m, names in _TABLE.items() for name, f in names.items()},
)
"""Name to function: its keyword-only parameters are the measure's parameters, ``cutoff`` the number after ``@``."""

DIVERSE = tuple(_TABLE["diversity"])
"""Measures that need judgements by subtopic."""
OF_POOL = ("Bpref", "GMBpref", "Hole", "Judged", "RBPResidual", "Unjudged", "infAP")
"""Measures that tell judged documents from others; with ``judged_only`` any does."""
UNBOUNDED = ("DCG", "Utility", "YAAP")
"""Measures whose values may lie outside 0 to 1."""
ALWAYS_SHOWN = {"ERR": ("max",), "nERR": ("max",)}
"""Parameters that stand in the name even at their default, since the value means nothing without them."""


def definition(name: str) -> Callable[..., Any]:
    """Return the function that computes a measure by name."""
    return custom_definition(name) if is_custom(name) else MEASURES.load(name)


@cache
def parameters(name: str) -> Mapping[str, inspect.Parameter]:
    """Return the keyword-only parameters of a measure by name, and ``judged_only`` where it is allowed."""
    function = definition(name)
    arguments = inspect.signature(function, eval_str=True).parameters
    params = {k: p for k, p in arguments.items() if p.kind is p.KEYWORD_ONLY}
    if not getattr(function, "pooled", False):
        params["judged_only"] = inspect.Parameter(
            "judged_only", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool
        )
    return params


@dataclass(frozen=True)
class Measure:
    """Measure with its parameters; ``str`` gives its canonical spelling, the grammar of ir_measures.

    Attributes:
        name: its name in the registry.
        cutoff: the number after ``@``: a rank, for IPrec a recall, for Rprec_mult a multiple of R.
        params: the parameters that differ from their defaults, sorted; a mapping as sorted pairs.
        label: how trec_eval spells it, where it was asked for so; plays no part in equality.
    """

    name: str
    cutoff: float | None = None
    params: tuple[tuple[str, Any], ...] = ()
    label: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        params = dict(self.params)
        for key in ALWAYS_SHOWN.get(self.name, ()):
            params.setdefault(key, parameters(self.name)[key].default)
        inner = ",".join(f"{k}={_spell(v)}" for k, v in sorted(params.items()))
        cutoff = "" if self.cutoff is None else f"@{_number(self.cutoff)}"
        return self.name + (f"({inner})" if inner else "") + cutoff

    @property
    def of_pool(self) -> bool:
        """True where the value depends on which documents were judged not relevant."""
        return self.name in OF_POOL or bool(dict(self.params).get("judged_only"))

    @property
    def unbounded(self) -> bool:
        """True where values may leave 0 to 1 though those seen do not."""
        known = self.arguments
        column = known.get("column") in ("ETU", "ETC", "ED")
        return self.name in UNBOUNDED or is_custom(self.name) or column or known.get("scaled") is False

    @property
    def kind(self) -> str:
        """Kind of average: ``mean``, ``sum`` or ``geometric``."""
        kind_: str = getattr(definition(self.name), "kind", "mean")
        return kind_

    @property
    def rel(self) -> int | None:
        """Its relevance level; None where it has none."""
        known = parameters(self.name)
        return dict(self.params).get("rel", known["rel"].default) if "rel" in known else None

    @property
    def arguments(self) -> dict[str, Any]:
        """Parameters that differ from their defaults, as the function of the measure takes them."""
        return {k: dict(v) if k == "gains" else v for k, v in self.params}

    @property
    def wants_strays(self) -> bool:
        """True where the measure needs the judgements of other queries: `Rankings.strays`."""
        return self.arguments.get("scope") == "collection"

    @property
    def tie_aware(self) -> bool:
        """True where its expected value over all orders of tied documents is known; of a count, a whole number."""
        fractional = self.kind == "sum" and self.cutoff is not None
        aware = getattr(definition(self.name), "tie_aware", False)
        return aware and not fractional and not self.wants_strays

    def with_params(self, **values: Any) -> Measure:
        """Return the same measure with other parameters."""
        merged = {**dict(self.params), **values}
        return replace(self, params=tuple(sorted(merged.items(), key=lambda pair: pair[0])))

    def values(self, rankings: Rankings) -> Float64s:
        """Compute one value for each query, [q] float64; of `TiedRankings` its expected value.

        Raises:
            UsageError: rankings with ties, and no expected value is known.
        """
        if isinstance(rankings, TiedRankings):
            require_tie_aware([self])
        arguments = self.arguments
        if arguments.pop("judged_only", False):
            rankings = rankings.judged_only()
        if self.cutoff is not None:
            arguments["cutoff"] = self.cutoff
        return np.asarray(definition(self.name)(rankings, **arguments), np.float64)

    def aggregate(self, values: Float64s) -> float:
        """Combine the values of several queries into one figure."""
        return aggregate(values, self.kind)


def require_tie_aware(measures: Iterable[Measure]) -> None:
    """Raise `UsageError` naming the measures without a known expected value over tied documents, and those with one."""
    if lacking := [str(m) for m in measures if not m.tie_aware]:
        known = [n for n in MEASURES.table if getattr(MEASURES.load(n), "tie_aware", False)]
        raise UsageError(
            f"no expected value over tied documents is known of {', '.join(lacking)}",
            f"it is of {', '.join(known)}, of counts only without a cutoff",
        )


def _spell(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return "{" + ",".join(f"{k}:{_number(v)}" for k, v in value) + "}"
    if isinstance(value, tuple):
        return "(" + ",".join(map(_number, value)) + ("," if len(value) == 1 else "") + ")"
    return _number(value) if isinstance(value, float) else repr(value)


def _number(value: float) -> str:
    """Return the shortest text that reads back as the same number, without a point where it has no fraction."""
    return repr(value + 0.0).removesuffix(".0")
