"""Measure names of trec_eval, pytrec_eval, ranx, BEIR and MTEB, each as a measure of intrex."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from intrex.data.errors import UsageError
from intrex.eval.measures.measure import Measure, parameters

SYNONYMS = {
    "Accuracy": "Success",
    "BPref": "Bpref",
    "HitRate": "Success",
    "MAP": "AP",
    "MAP_IA": "AP_IA",
    "MRR": "RR",
    "MSnDCG": "nDCG",
    "NDCG": "nDCG",
    "Precision": "P",
    "QMeasure": "Q",
    "RPrec": "Rprec",
    "Recall": "R",
    "accuracy": "Success",
    "dcg": "DCG",
    "f1": "F",
    "hit_rate": "Success",
    "hits": "NumRelRet",
    "hole": "Hole",
    "map": "AP",
    "mrr": "RR",
    "ndcg": "nDCG",
    "precision": "P",
    "r_cap": "R_cap",
    "recall": "R",
    "recall_cap": "R_cap",
    "α_DCG": "alpha_DCG",
    "α_nDCG": "alpha_nDCG",
}
"""Names that take a cutoff and parameters in our grammar."""

TEXTS = ("runid", "relstring")
"""Text lines of trec_eval: only ``evaluate --format trec`` shows them."""

_CUTOFFS = (5, 10, 15, 20, 30, 100, 200, 500, 1000)


@dataclass(frozen=True)
class TrecName:
    """Measure of trec_eval: how its parameters read, their defaults, and the measures they make."""

    form: str  # scalar, ints, floats, gains, named, numbers, text
    make: Callable[..., Measure]
    default: tuple[float, ...] = ()


def _scalar(name: str, **params: object) -> TrecName:
    return TrecName("scalar", lambda: Measure(name).with_params(**params))


def _at(name: str, *default: float, **params: object) -> TrecName:
    form = "floats" if isinstance((default or _CUTOFFS)[0], float) else "ints"
    return TrecName(form, lambda k: Measure(name, k).with_params(**params), default or _CUTOFFS)


def _gains(name: str) -> TrecName:
    return TrecName("gains", lambda pairs: Measure(name).with_params(gains=pairs))


def _p(name: str) -> TrecName:
    def make(pairs: tuple[tuple[str, float], ...]) -> Measure:
        unknown = [key for key, _ in pairs if key != "p"]
        if unknown:
            raise UsageError(f"unknown parameter {unknown[0]!r}: rbp has p, as in rbp.p=0.8")
        return Measure(name).with_params(**dict(pairs))

    return TrecName("named", make)


def _utility(values: tuple[float, ...]) -> Measure:
    if len(values) != 4:
        raise UsageError(f"utility has 4 weights, not {len(values)}: utility.1,-1,0,0")
    return Measure("Utility").with_params(**dict(zip(("hit", "noise", "miss", "rest"), values, strict=True)))


def _set_f(values: tuple[float, ...]) -> Measure:
    if len(values) != 1:
        raise UsageError(f"set_F has one parameter, not {len(values)}: set_F.0.5")
    return Measure("SetF").with_params(beta=values[0])


_TENTHS = tuple(i / 10 for i in range(11))
_FIFTHS = tuple(i / 5 for i in range(1, 11))
TREC: dict[str, TrecName] = {
    "runid": TrecName("text", lambda: Measure("runid")),
    "num_q": _scalar("NumQ"),
    "num_ret": _scalar("NumRet"),
    "num_rel": _scalar("NumRel"),
    "num_rel_ret": _scalar("NumRelRet"),
    "map": _scalar("AP"),
    "gm_map": _scalar("GMAP"),
    "Rprec": _scalar("Rprec"),
    "bpref": _scalar("Bpref"),
    "recip_rank": _scalar("RR"),
    "iprec_at_recall": _at("IPrec", *_TENTHS),
    "P": _at("P"),
    "relstring": TrecName("text", lambda k=10: Measure("relstring", int(k))),
    "recall": _at("R"),
    "infAP": _scalar("infAP"),
    "gm_bpref": _scalar("GMBpref"),
    "Rprec_mult": _at("Rprec_mult", *_FIFTHS),
    "utility": TrecName("numbers", _utility, (1.0, -1.0, 0.0, 0.0)),
    "11pt_avg": TrecName("numbers", lambda points: Measure("IPrecAvg").with_params(points=points), _TENTHS),
    "binG": _scalar("binG"),
    "G": _scalar("G"),
    "dcg": _gains("DCG"),
    "ndcg": _gains("nDCG"),
    "ndcg_rel": _scalar("nDCG_rel"),
    "Rndcg": _scalar("Rndcg"),
    "ndcg_cut": _at("nDCG"),
    "map_cut": _at("AP"),
    "relative_P": _at("R_cap"),
    "success": _at("Success", 1, 5, 10),
    "set_P": _scalar("SetP"),
    "set_relative_P": _scalar("SetP", relative=True),
    "set_recall": _scalar("SetR"),
    "set_map": _scalar("SetAP"),
    "set_F": TrecName("numbers", _set_f, (1.0,)),
    "num_nonrel_judged_ret": _scalar("NumNonRelRet"),
    "yaap": _scalar("YAAP"),
    "rbp": _p("sRBP"),
    "rbp_resid": _p("RBPResidual"),
    "unj": _at("Unjudged", 5, 10, 20),
}
"""In trec_eval's own order of printing."""

_OFFICIAL = list(TREC)[:12]  # from runid to P; the first five are the counts
NICKNAMES = {
    "official": _OFFICIAL,
    "all_trec": [n for n in TREC if n not in ("dcg", "yaap")],
    "set": [*_OFFICIAL[:5], "utility", "set_P", "set_recall", "set_relative_P", "set_map", "set_F"],
}
REFUSED = {
    "prefs": "preference measures",
    "all_prefs": "preference measures",
    "qrels_jg": "judgement groups",
}


def parse_trec_eval(text: str) -> list[Measure]:
    """Parse trec_eval's ``-m`` argument (``map``, ``P.5,10``, ``P_5``, ``official``); no measure if it is not one.

    Raises:
        UsageError: preference measures and judgement groups, which are not supported, or parameters that do not fit.
    """
    if text in NICKNAMES:
        return [m for name in NICKNAMES[text] for m in parse_trec_eval(name)]
    if text in REFUSED or text.startswith("prefs_") or text.endswith("_avgjg"):
        kind = REFUSED.get(text, "preference measures" if text.startswith("prefs_") else "judgement groups")
        raise UsageError(f"{kind} are not supported: {text!r}")
    for name in sorted(TREC, key=len, reverse=True):
        suffix = text.removeprefix(name)
        if suffix != text and (not suffix or (suffix[0] in "._" and len(suffix) > 1)):
            try:
                return _expand(name, TREC[name], suffix[1:])
            except ValueError:
                return []
    return []


def _expand(name: str, entry: TrecName, params: str) -> list[Measure]:
    """Make the measures of one name with its parameters; raises ValueError where they are not of the entry's form."""
    if params and (entry.form == "scalar" or name == "runid"):
        raise ValueError("no parameters")
    if entry.form in ("ints", "floats", "numbers"):
        numbers = tuple(_finite(name, part) for part in params.split(",")) if params else entry.default
    if entry.form == "ints":
        return [replace(entry.make(k), label=f"{name}_{k}") for k in _cutoffs(name, numbers)]
    if entry.form == "floats":
        return [replace(entry.make(float(x)), label=f"{name}_{x:3.2f}") for x in sorted(set(numbers))]
    if entry.form == "numbers":
        measure = entry.make(numbers)
    elif entry.form in ("gains", "named"):
        measure = entry.make(_pairs(name, params, int if entry.form == "gains" else str))
    else:
        measure = entry.make(*_cutoffs(name, [_finite(name, params)] if params else []))
    return [replace(measure, label=f"{name}_{params}" if params else name)]


def _finite(name: str, text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise UsageError(f"{text!r} as a parameter of {name}: a finite number is needed")
    return value


def _cutoffs(name: str, numbers: Sequence[float]) -> list[int]:
    """Return trec_eval's cutoffs: a fraction is cut off (its own tests ask for ``ndcg_cut.23.4``)."""
    for number in numbers:
        if not 1 <= number < 2**31:
            raise UsageError(f"the cutoffs of {name} must be at least 1 and below 2^31: {number:.17g}")
    return sorted({int(x) for x in numbers})


def _pairs(name: str, params: str, kind: type[int] | type[str]) -> tuple[tuple[int | str, float], ...]:
    """Parse ``1=3,2=9`` into sorted pairs."""
    parts = [part.split("=") for part in params.split(",") if part]
    pairs = [(kind(key), _finite(name, value)) for key, value in parts]
    if len(dict(pairs)) < len(pairs):
        raise UsageError(f"a parameter of {name} is given twice: {params!r}")
    return tuple(sorted(pairs))


_LIKE_OURS = ("f1", "hit_rate", "hits", "map", "mrr", "ndcg", "dcg", "precision", "recall")
_RANX = {name: SYNONYMS[name] for name in _LIKE_OURS}
_RANX |= {"ndcg_burges": "nDCG", "dcg_burges": "DCG", "r-precision": "Rprec", "bpref": "Bpref", "rbp": "RBP"}
_UNCUT = {"F": "SetF", "P": "SetP", "R": "SetR"}


def parse_ranx(text: str) -> list[Measure]:
    """Parse ranx's spelling: ``ndcg_burges@10``, ``rbp.95``, ``r-precision``, ``map@100-l2``."""
    match = re.fullmatch(
        r"(?P<name>[a-z0-9_]+?|r-precision)(\.(?P<p>\d+))?(-l(?P<l1>\d+))?(@(?P<k>\d+))?(-l(?P<l2>\d+))?",
        text,
    )
    if match is None or match["name"] not in _RANX:
        return []
    name, level = _RANX[match["name"]], match["l1"] or match["l2"]
    cutoff = int(match["k"]) if match["k"] else None
    if cutoff is None:
        name = _UNCUT.get(name, name)
    params: dict[str, object] = {}
    if match["name"].endswith("_burges"):
        params["dcg"] = "exp-log2"
    if name == "RBP":
        if not match["p"] or cutoff:
            return []
        params |= {"p": float("0." + match["p"]), "graded": True}
    if level and int(level) > 1:
        params["floor" if name in ("nDCG", "DCG") else "rel"] = int(level)
    parameter = parameters(name).get("cutoff")
    if (cutoff and parameter is None) or (
        cutoff is None and parameter is not None and parameter.default is parameter.empty
    ):
        return []
    return [Measure(name, cutoff).with_params(**params)]


def parse_mteb(text: str) -> list[Measure]:
    """Parse MTEB's spelling: ``ndcg_at_10``, ``recall_at_100``."""
    match = re.fullmatch(r"(?P<name>[a-z_]+)_at_(?P<k>\d+)", text)
    if match is None or match["name"] not in SYNONYMS or not int(match["k"]):
        return []
    return [Measure(SYNONYMS[match["name"]], int(match["k"]))]


_HYPHENED = {
    "ERR-IA": "ERR_IA",
    "MAP-IA": "AP_IA",
    "P-IA": "P_IA",
    "Q-measure": "Q",
    "alpha-DCG": "alpha_DCG",
    "alpha-nDCG": "alpha_nDCG",
    "nERR-IA": "nERR_IA",
    "strec": "StRecall",
}
_ZEROS = {"MSnDCG": "nDCG", "Q": "Q", "nERR": "nERR"}


def parse_ndeval(text: str) -> list[Measure]:
    """Parse ndeval's spelling, ``ERR-IA@20``, and NTCIREVAL's: ``Q-measure``, ``MSnDCG@0010``."""
    name, at, cutoff = text.partition("@")
    known = {**_HYPHENED, **_ZEROS}
    if name not in known or not (cutoff.isdecimal() and cutoff.isascii() if at else True):
        return []
    return [Measure(known[name], int(cutoff) if at else None)]


def parse_other_tools(text: str) -> list[Measure]:
    """Parse the spelling of any other tool; no measure if none knows it."""
    return parse_trec_eval(text) or parse_mteb(text) or parse_ranx(text) or parse_ndeval(text)
