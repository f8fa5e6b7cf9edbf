"""Searches with the cache of queries' vectors: the same bytes as without, no model loaded, safe beside each other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from intrex.data.store.vectorcache import SUFFIX
from tests.support.tinymodel import save_tokenizer, write_tiny_model

pytest.importorskip("sentence_transformers")
WORDS = [f"word{i}" for i in range(40)]
QUERIES = "".join(f"q{i}\t{' '.join(WORDS[i : i + 1 + i % 5])}\n" for i in range(30))
SEARCH = """
import sys
from intrex.cli.app import run
code = run(sys.argv[1:])
print(code, sorted({"torch", "transformers", "sentence_transformers", "tokenizers"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection, an index of each kind that encodes, and queries of unequal lengths."""
    import torch
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import MLMTransformer, SpladePooling
    from transformers import BertConfig, BertForMaskedLM

    from intrex.cli.app import run
    from intrex.encoders.base import make_encoder
    from intrex.encoders.options import EncoderOptions

    folder = tmp_path_factory.mktemp("cache")
    model = write_tiny_model(folder, WORDS)
    torch.manual_seed(0)
    config = BertConfig(len(WORDS) + 5, 16, 1, 2, 32, max_position_embeddings=64)
    BertForMaskedLM(config).save_pretrained(folder / "mlm")
    save_tokenizer(folder / "mlm", WORDS)
    parts = [MLMTransformer(str(folder / "mlm"), max_seq_length=32), SpladePooling()]
    SparseEncoder(modules=parts, device="cpu").save_pretrained(str(folder / "splade"))
    make_encoder(f"static:{model}", EncoderOptions(dim=8)).save(folder / "words")
    lines = [f'{{"_id": "d{i}", "title": "", "text": "{WORDS[i]} {WORDS[i // 2]}"}}' for i in range(40)]
    (folder / "src").mkdir()
    (folder / "src" / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "src" / "queries.jsonl").write_text('{"_id": "q0", "text": "word1"}\n')
    (folder / "queries.tsv").write_text(QUERIES)
    built = [
        ["collection", "import", f"{folder / 'src'}", f"{folder / 'c'}"],
        ["index", "dense", f"{folder / 'c'}", f"{folder / 'dense'}", "--encoder", str(model)],
        [
            "index",
            "dense",
            f"{folder / 'c'}",
            f"{folder / 'static'}",
            "--encoder",
            f"static:{folder / 'words'}",
        ],
        ["index", "multivector", f"{folder / 'c'}", f"{folder / 'tokens'}", "--encoder", str(model)],
        ["index", "fde", f"{folder / 'tokens'}", f"{folder / 'fde'}", "--reps", "2", "--k-sim", "2"],
        ["index", "sparse", f"{folder / 'c'}", f"{folder / 'sparse'}", "--encoder", f"{folder / 'splade'}"],
    ]
    for line in built:
        assert run(line) == 0, line
    return folder


def search(world: Path, index: str, out: Path, cache: Path, *words: str) -> str:
    """Search in a process of its own; return what it says of its exit code and of what it imported."""
    line = ["search", str(world / index), str(world / "queries.tsv"), "-o", str(out), "--overwrite", *words]
    environment = {**os.environ, "INTREX_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    said = subprocess.run(
        [sys.executable, "-c", SEARCH, *line], capture_output=True, text=True, env=environment
    )
    return said.stdout.strip() or said.stderr


@pytest.mark.parametrize("index", ["dense", "static", "tokens", "fde", "sparse"])
def test_equal_bytes_and_no_model(world: Path, tmp_path: Path, index: str) -> None:
    cache, out = tmp_path / "cache", [tmp_path / f"{i}.txt" for i in range(3)]
    assert search(world, index, out[0], cache, "--no-query-cache") != "0 []"
    assert not (cache / "queries").exists()
    assert search(world, index, out[1], cache) != "0 []", "the first search loads the model"
    assert len([*(cache / "queries").glob(f"*{SUFFIX}")]) == 1
    assert search(world, index, out[2], cache) == "0 []", "the second needs none of its libraries"
    first, cold, warm = (path.read_bytes() for path in out)
    assert first == cold == warm and first.count(b"\n") > 30


def test_indexes_of_one_model_share_it(world: Path, tmp_path: Path) -> None:
    assert search(world, "tokens", tmp_path / "a", tmp_path / "cache") != "0 []"
    assert search(world, "fde", tmp_path / "b", tmp_path / "cache") == "0 []"


def test_damage_is_mended(world: Path, tmp_path: Path) -> None:
    search(world, "dense", tmp_path / "a", tmp_path / "cache")
    (path,) = (tmp_path / "cache" / "queries").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert search(world, "dense", tmp_path / "b", tmp_path / "cache") != "0 []"
    assert path.read_bytes() == whole and (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_two_processes_at_once(world: Path, tmp_path: Path) -> None:
    line = ["search", str(world / "dense"), str(world / "queries.tsv"), "--overwrite", "-o"]
    environment = {**os.environ, "INTREX_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    call = [sys.executable, "-m", "intrex.cli", *line]
    both = [subprocess.Popen([*call, str(tmp_path / name)], env=environment) for name in ("a", "b")]
    assert [process.wait() for process in both] == [0, 0]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert len([*(tmp_path / "cache" / "queries").iterdir()]) == 1


def test_reranking_by_an_index_takes_what_a_search_made(world: Path, tmp_path: Path) -> None:
    search(world, "dense", tmp_path / "a.txt", tmp_path / "cache")
    line = ["rerank", str(tmp_path / "a.txt"), str(world / "queries.tsv"), "--index", str(world / "dense")]
    environment = {**os.environ, "INTREX_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    call = [sys.executable, "-c", SEARCH, *line, "-o", str(tmp_path / "b.txt")]
    assert subprocess.run(call, capture_output=True, text=True, env=environment).stdout.strip() == "0 []"


def test_queries_that_were_cut_are_said_again(
    world: Path, tmp_path: Path, intrex, monkeypatch, caplog
) -> None:
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    caplog.set_level("INFO")
    assert (
        intrex(f"index dense {world / 'c'} {tmp_path / 'i'} --encoder {world / 'model'} --max-length 4").code
        == 0
    )
    said = []
    for name in ("a", "b"):
        caplog.clear()
        assert intrex(f"search {tmp_path / 'i'} {world / 'queries.tsv'} -o {tmp_path / name}").code == 0
        said.append([record.message for record in caplog.records if "queries are longer" in record.message])
    assert said[0] == said[1] and len(said[0]) == 1


def test_an_encoder_without_weights_keeps_nothing(small, tmp_path: Path, intrex, monkeypatch, caplog) -> None:
    """It takes no time, and says each time what it has to say."""
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    caplog.set_level("INFO")
    (tmp_path / "q.tsv").write_text("q1\twings\n")
    assert intrex(f"index dense {small.path} {tmp_path / 'i'} --encoder hashing:8").code == 0
    for name in ("a", "b"):
        caplog.clear()
        assert (
            intrex(f"search {tmp_path / 'i'} {tmp_path / 'q.tsv'} --device zzz -o {tmp_path / name}").code
            == 0
        )
        assert "--device zzz is ignored" in caplog.text
    assert not list((tmp_path / "cache").glob("queries/*"))
