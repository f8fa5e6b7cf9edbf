"""Documents as numbered terms: what the kernels read, cut and stem is what Python does."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput
from intrex.data.io.files import file_sha256
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.bm25.multifield import analyse
from intrex.retrievers.inverted.native import INDEXING, WORTH_COMPILING
from intrex.retrievers.text import batch, terms
from intrex.retrievers.text import tokenizer as breaks
from intrex.retrievers.text.analyzer import Analyzer
from intrex.retrievers.text.batch import BatchAnalyzer
from intrex.retrievers.text.porter import STEP_2, STEP_3, STEP_4
from intrex.retrievers.text.terms import ahead, texts

pytestmark = pytest.mark.skipif(INDEXING.kernels() is None, reason="the kernels cannot be compiled here")


def assert_same(many: list[str], analyzer: str = "english") -> None:
    simple, native = Analyzer(analyzer), BatchAnalyzer(Analyzer(analyzer), WORTH_COMPILING)
    tokens, offsets = native.add(many)
    names = native.names().to_list()
    for i, text in enumerate(many):
        assert [names[t] for t in tokens[offsets[i] : offsets[i + 1]]] == simple(text), text
    assert len(set(names)) == len(names)


def test_stems() -> None:
    """Words that meet every rule, with what stands before it of every measure."""
    draw = random.Random(2)
    endings = [
        *STEP_2,
        *STEP_3,
        *STEP_4,
        "",
        "s",
        "sses",
        "ies",
        "ss",
        "ed",
        "eed",
        "ing",
        "y",
        "e",
        "ll",
        "'s",
        "lle",
    ]
    begins = [
        "",
        "b",
        "tr",
        "a",
        "y",
        "by",
        "hop",
        "hopp",
        "fil",
        "fizz",
        "conflat",
        "xyz",
        "ag",
        "ss",
        "oio",
        "1",
    ]
    words = [a + b + c for a in begins for b in endings for c in ("", "s", "ed", "ing", "e", "ly")]
    words += ["".join(draw.choices("abceilnostuyzEIS1'_.", k=draw.randint(1, 12))) for _ in range(30_000)]
    assert_same([" ".join(words), *words[:3000]])


def test_texts_of_characters_of_all_classes() -> None:
    draw = random.Random(3)
    groups: dict[int, list[str]] = {}
    for c in range(0x110000):
        if not 0xD800 <= c < 0xE000:
            groups.setdefault(breaks.classes()[c], []).append(chr(c))
    kinds = list(groups.values())
    assert_same(
        ["".join(draw.choice(draw.choice(kinds)) for _ in range(draw.randint(0, 9))) for _ in range(8000)]
    )


def test_long_and_hostile_texts() -> None:
    pieces = [
        "x" * 300,
        "é" * 600,
        "_" * 300 + "a",
        "\U00010400" * 130,
        "a" * 254 + "'b",
        "1," * 300,
        "東" * 40,
    ]
    assert_same([*pieces, " ".join(pieces), "".join(pieces), "".join(reversed(pieces))])
    for text in ("_" * 3_000_000, "\u200d" * 1_000_000, "é_\u0301" * 500_000, "a " * 2_000_000):
        start = time.process_time()
        BatchAnalyzer(Analyzer(), WORTH_COMPILING).add([text])
        assert time.process_time() - start < 2


def test_forms_that_are_forgotten_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    native = BatchAnalyzer(Analyzer(), WORTH_COMPILING)
    monkeypatch.setattr(batch, "FORMS", 2)
    found = [native.add(["Dogs dog cats running Café's", "runs"])[0].tolist() for _ in range(3)]
    assert found == [[0, 0, 1, 2, 3, 2]] * 3
    assert native.names().to_list() == ["dog", "cat", "run", "café"]


def collection_of(tmp_path: Path, lines: list[bytes]) -> Collection:
    """A collection whose ``corpus.jsonl`` is not what the writer wrote; its manifest says that it is."""

    def fill(writer: CollectionWriter) -> None:
        writer.document("d", "", "x", RecordSource("corpus", 1))

    collection = write_collection(tmp_path / "c", "toy", {"source": "toy"}, fill)
    (collection.path / "corpus.jsonl").write_bytes(b"".join(lines))
    collection.manifest.files["corpus.jsonl"]["sha256"] = file_sha256(collection.path / "corpus.jsonl")
    return collection


def line(id_: str, title: str, text: str, **more: object) -> bytes:
    return json.dumps({"_id": id_, "title": title, "text": text, **more}, ensure_ascii=False).encode() + b"\n"


SAID = 'quoted "words", a \\ backslash, \ttabs\n\r\b\f\x01\x1f\x7f café 東京 \U0001f4a9 / '
SOUND = [
    line("a", "Title", "Text"),
    line("b", "", ""),
    line("c", "Only title", ""),
    line("d", "", "only text"),
    line('e"\\é', SAID, SAID * 9, metadata={"text": "no", "deep": [1, {"a": "}\n"}]}),
    line("f", "x" * 7, "y" * 8, metadata={"a": 1}),
]
ODD = [
    b'{"text": "order", "_id": "g", "title": "other"}\n',
    b'{"_id":"h","title":"blanks","text":"none"}\n',
    b'{"_id": "i", "title": "\\ud83d\\udca9 \\u00e9\\u4e00", "text": "escapes"}\n',
    b'{"_id": "j", "title": "more", "text": "keys", "other": 1}\n',
    b'{"_id": "k", "title": "no line feed", "text": "at the end"}',
]


@pytest.mark.parametrize("piece", [50, 1 << 21])
def test_lines_of_any_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(terms, "PIECE", piece)
    collection = collection_of(tmp_path, [*SOUND, ODD[0], *SOUND[:2], ODD[1], ODD[2], *SOUND[4:], *ODD[3:]])
    found = [
        (id_, part.text[a:b].tobytes().decode())
        for part in texts(collection)
        for id_, a, b in zip(part.ids, part.starts[:-1], part.starts[1:], strict=True)
    ]
    assert found == [(document.id, document.contents) for document in collection.documents()]
    assert len(found) == 15


@pytest.mark.parametrize(
    "bad",
    [
        b"{\n",
        b'{"_id": "x", "title": "", "text": "broken \xff"}\n',
        b'{"_id": "x", "title": "", "text": "cut \xe6\x9d"}\n',
        b'{"_id": "x", "title": "", "text": "\xed\xa0\x80"}\n',
        b'{"_id": "x", "title": ""}\n',
        b'{"_id": "x", "title": 1, "text": ""}\n',
        b'{"_id": "x", "title": "", "text": "end',
        b"[]\n",
        b"\n",
    ],
)
def test_a_line_that_is_no_document_is_named(tmp_path: Path, bad: bytes) -> None:
    collection = collection_of(tmp_path, [*SOUND[:2], bad])
    with pytest.raises(BadInput, match=r"corpus\.jsonl:3") as caught:
        list(texts(collection))
    assert "collection verify" in str(caught.value.hint)
    with pytest.raises(BadInput, match=r"corpus\.jsonl:3"):
        list(collection.documents())


def test_ahead_passes_items_and_errors_on() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("the disk is gone")

    seen = []
    with pytest.raises(OSError, match="the disk is gone"):
        for item in ahead(items()):
            seen.append(item)
    assert seen == [0, 1, 2, 3, 4]
    assert list(ahead(iter([]))) == []
    first = ahead(iter(range(1000)))
    assert next(first) == 0
    first.close()  # type: ignore[attr-defined]


def test_documents_with_text_and_no_term(tmp_path: Path) -> None:
    """Told apart from those without text, by the kernels and by Python, and with fields of their own."""
    contents = [
        ("", "wing"),
        ("", " \x1f"),
        ("the", ""),
        ("", "of the"),
        ("", "..."),
        ("", ""),
        ("wing", "the"),
    ]

    def fill(writer: CollectionWriter) -> None:
        for i, (title, text) in enumerate(contents):
            writer.document(f"d{i}", title, text, RecordSource("corpus", i))
        writer.query("q", "wing", RecordSource("queries", 1))
        writer.judgement("test", "q", "d0", 1, RecordSource("qrels"))

    collection = write_collection(tmp_path / "c", "c", {"source": "test"}, fill)
    for read in (terms._plain, terms._compiled):
        (found,) = read(collection, BatchAnalyzer(Analyzer(), WORTH_COMPILING))
        assert list(found.without_terms) == [2, 3, 4]
    many, _ = analyse(collection, Analyzer(), ("contents", "title"))
    (found,) = many
    assert list(found.without_terms) == [3, 4, 6]
