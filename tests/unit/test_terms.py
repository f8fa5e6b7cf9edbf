"""Documents as numbered terms: the compiled way and the plain one give the same index, to the byte."""

from pathlib import Path

import pytest

from intrex.data.writer import CollectionWriter, Source, write_collection
from intrex.retrievers import batch, terms, textnative
from intrex.retrievers.bm25 import build_bm25

TEXTS = [
    ("Flying dogs", "The dogs' flies fly: naïve café’s, 21.35 Straßen und Größen 東京 \U0001f4a9 don't"),
    ("", "the of and"),
    ("", ""),
    ("Title only", ""),
    ("", 'quoted "words", a \\ backslash,\ttabs and\nlines ' + "repeated " * 300),
] * 9


@pytest.mark.parametrize("language", ["en", "de", "zh", "fa"])
def test_the_kernel_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    if textnative.kernels() is None:
        pytest.skip("the kernels cannot be compiled here")

    def fill(writer: CollectionWriter) -> None:
        for i, (title, text) in enumerate(TEXTS):
            writer.document(f"d{i}", title, f"{text} word{i % 7}", Source("corpus", i + 1))

    collection = write_collection(tmp_path / "c", "toy", {"source": "toy"}, fill)
    build_bm25(collection, tmp_path / "plain", language=language)
    monkeypatch.setattr(batch, "WORTH_LOADING", 900)
    monkeypatch.setattr(batch, "WORTH_COMPILING", 900)
    for many, characters in ((1024, 1 << 21), (2, 1 << 21), (7, 50)):
        monkeypatch.setattr(terms, "BATCH", many)
        monkeypatch.setattr(terms, "CHARACTERS", characters)
        build_bm25(collection, tmp_path / "native", language=language, overwrite=True)
        files = sorted(path.name for path in (tmp_path / "plain").iterdir())
        assert len(files) > 10
        for name in files:
            assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "native" / name).read_bytes(), name
