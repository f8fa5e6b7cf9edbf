"""A BM25 index has the same bytes whatever batches, memory and kernels made it."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.collection import Collection
from intrex.data.native.library import Library
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.bm25 import multifield
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.inverted import build as postings_build
from intrex.retrievers.inverted import native
from intrex.retrievers.options import BuildTask
from intrex.retrievers.text import terms
from tests.conftest import contents

WORDS = [
    "the",
    "Dogs",
    "dogs'",
    "RUNNING",
    "runs",
    "naïve",
    "Straße",
    "東京",
    "\U0001f4a9",
    "1,5",
    "x" * 300,
    "_",
    "\n",
    '"',
]
TEXTS = st.lists(
    st.one_of(st.sampled_from(WORDS), st.text(max_size=6).map(lambda s: s.encode(errors="ignore").decode())),
    max_size=40,
)


def collect(folder: Path, documents: list[tuple[list[str], list[str]]]) -> Collection:
    def fill(writer: CollectionWriter) -> None:
        for i, (title, text) in enumerate(documents):
            writer.document(
                f"d{i}", " ".join(title[:3]), " ".join(text * (1 + i % 3)), RecordSource("corpus", i + 1)
            )

    return write_collection(folder, "toy", {"source": "toy"}, fill)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12),
    st.sampled_from(["en", "de", "fa", "zh"]),
    st.sampled_from([(), ("title",)]),
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.integers(1, 9), st.integers(1, 2000), st.integers(1, 90)),
        min_size=2,
        max_size=2,
    ),
)
def test_the_same_bytes(documents, language, fields, ways) -> None:
    with tempfile.TemporaryDirectory() as folder:
        collection = collect(Path(folder) / "c", documents)
        first = build(collection, Path(folder) / "first", language, fields)
        assert len(first) > 10
        for search, analysis, many, piece, run in ways:
            with pytest.MonkeyPatch.context() as patch:
                if not search:
                    patch.setattr(Library, "kernels", without_search)
                patch.setattr(
                    native, "WORTH_LOADING", 0 if analysis and native.INDEXING.kernels() else 1 << 60
                )
                patch.setattr(terms, "BATCH", many)
                patch.setattr(terms, "PIECE", piece)
                patch.setattr(postings_build, "MERGED", run)
                patch.setattr(postings_build.Memory, "run_length", lambda *_, run=run: run)
                patch.setattr(multifield, "BATCH", many)
                again = build(collection, Path(folder) / "again", language, fields)
            differ = [name for name in first if first[name] != again.get(name)]
            assert not differ and len(again) == len(first)


def without_search(library: Library, compiling: bool = True, real=Library.kernels):
    return None if library is native.SEARCH else real(library, compiling)


def build(collection: Collection, out: Path, language: str, fields: tuple[str, ...]) -> dict[str, bytes]:
    options = Bm25Build(language=language, fields=fields, max_memory="1G")
    build_bm25(collection, BuildTask(out, overwrite=True), options)
    return contents(out)
