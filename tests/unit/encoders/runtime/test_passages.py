"""Passages of a model's tokens: none is longer than its size, nothing is lost, words stay whole."""

from pathlib import Path

import pytest

from intrex.data.builders.options import SplitOptions
from intrex.data.builders.records import DocumentRecord
from intrex.data.collection import Collection, Document
from intrex.data.errors import UsageError
from intrex.data.importers.sources import import_collection
from intrex.data.writer import RecordSource
from intrex.encoders.runtime.passages import TokenCutter, token_cutter
from intrex.eval.pipelines.passages import split_passages
from tests.conftest import contents
from tests.support.needs import MINILM_PACKAGES, needs

pytestmark = needs(*MINILM_PACKAGES)
MINILM = "all-MiniLM-L6-v2"
PLACE = RecordSource("x")


def counted(texts: list[str]) -> list[int]:
    """Tokens of texts as the library itself counts them, special ones included."""
    from transformers import AutoTokenizer

    from intrex.encoders.runtime.models import resolve_model

    tokenizer = AutoTokenizer.from_pretrained(resolve_model(MINILM).path)
    return [len(ids) for ids in tokenizer(texts, truncation=False, verbose=False)["input_ids"]]


def record(title: str, text: str) -> DocumentRecord:
    return DocumentRecord("d", title, text, None, PLACE)


@pytest.mark.model
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cranfield", {"size": 64, "title": True}),
        ("cranfield", {"size": 40, "stride": 15, "title": True, "document_prompt": "passage: "}),
        ("drcd-zh", {"size": 50}),
        ("arcd-ar", {}),
    ],
)
def test_no_passage_is_longer_than_its_size(name: str, options: dict[str, object], shared: Path, tmp_path: Path) -> None:  # fmt: skip
    source = import_collection(shared / name, tmp_path / "c")
    chosen = SplitOptions(unit="tokens", encoder=MINILM, **options)  # type: ignore[arg-type]
    made = split_passages(source, tmp_path / "p", chosen)
    size = chosen.size or 256
    lengths = counted([str(options.get("document_prompt", "")) + d.passage for d in made.documents()])
    assert max(lengths) <= size and len(lengths) > source.n_documents
    assert sum(lengths) / len(lengths) > 0.5 * size, "and most are nearly full"
    parts: dict[str, list[Document]] = {}
    for passage in made.documents():
        parts.setdefault(passage.id.split("#")[0], []).append(passage)
    for document in source.documents():
        passages = parts[document.id]
        joined = "".join(passages[0].title + "".join(p.text for p in passages)).split()
        whole = "".join(document.contents.split())
        if chosen.stride is None:
            assert "".join(joined) == whole, "nothing is lost, nothing twice"
        assert all("".join(p.text.split()) in whole for p in passages)
    origin = made.manifest.params["origin"]
    assert origin["encoder"].endswith(MINILM) and origin["revision"].startswith("sha256:")
    assert contents(split_passages(source, tmp_path / "q", chosen).path) == contents(made.path)


@pytest.mark.model
def test_overlaps_begin_at_words_and_words_stay_whole() -> None:
    words = [f"word{i}" for i in range(60)]
    cutter = token_cutter(SplitOptions(unit="tokens", encoder=MINILM, size=20, stride=8))
    (passages,) = cutter.cut([record("", " ".join(words))])
    assert all(set(p.text.split()) <= set(words) for p in passages)
    firsts = [words.index(p.text.split()[0]) for p in passages]
    lasts = [words.index(p.text.split()[-1]) for p in passages]
    assert firsts[0] == 0 and lasts[-1] == 59
    assert all(a < b <= end for a, b, end in zip(firsts, firsts[1:], lasts, strict=False))


@pytest.mark.model
def test_long_titles_and_long_words() -> None:
    cutter = token_cutter(SplitOptions(unit="tokens", encoder=MINILM, size=16, title=True))
    title = " ".join(f"t{i}" for i in range(20))
    long_title, long_word, empty = cutter.cut(
        [record(title, "text"), record("short", "ab" * 300), record("short", "")]
    )
    assert [p.title for p in long_title] == [""] * len(long_title)
    assert " ".join(p.text for p in long_title) == f"{title} text"
    assert "".join(p.text for p in long_word) == "ab" * 300 and {p.title for p in long_word} == {"short"}
    assert [(p.title, p.text) for p in empty] == [("short", "")]
    texts = [Document("", *p).passage for p in (*long_title, *long_word, *empty)]
    assert max(counted(texts)) <= 16
    assert cutter.remarks() == [
        "1 titles of more than half the size were cut with the text that follows them"
    ]


@pytest.mark.model
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "hashing:16"}, "the hashing encoder has no limit of tokens"),
        ({"encoder": MINILM, "size": 513}, "--size 513 is more than the model takes, 512"),
        ({"encoder": MINILM, "size": 9}, "--size 9 leaves no room"),
        ({"encoder": MINILM, "stride": 257}, "--stride 257 is more than a passage has, 256 tokens"),
    ],
)
def test_refusals(options: dict[str, object], message: str, small: Collection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        split_passages(small, tmp_path / "p", SplitOptions(unit="tokens", **options))  # type: ignore[arg-type]
    assert not (tmp_path / "p").exists()


def byte_tokenizer() -> object:
    """A tokenizer of bytes, whose tokens of one character stand at one place, with a token before each text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate(["<s>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", pad_token="<s>")


@pytest.mark.parametrize(
    "text", ["plain words of ASCII " * 5, "東京都の梵語😀 and 😀😀😀😀😀😀😀 " * 4, "é" * 50, " \n "]
)
@pytest.mark.parametrize("stride", [20, 5])
def test_tokens_of_single_bytes(text: str, stride: int) -> None:
    """A part of a text has more tokens than the text has there: a blank is put before each."""
    tokenizer = byte_tokenizer()
    cutter = TokenCutter(tokenizer, 20, stride, False, "", {})
    (passages,) = cutter.cut([record("ti", text)])
    lengths = [len(ids) for ids in tokenizer([Document("", *p).passage for p in passages])["input_ids"]]  # type: ignore[operator]
    assert max(lengths) <= 20
    if stride == 20:
        assert "".join("".join(p.text for p in passages).split()) == "".join(text.split())
