"""Compressed token vectors on disk: what is written, how much it is, exact search over it, damage."""

from pathlib import Path

import numpy as np
import pytest

from intrex.cli.app import run as run_cli
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.importers.sources import import_collection
from intrex.data.store.manifest import verify_artifact
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.base import make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers import encoded
from intrex.retrievers.base import open_index
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.compressed import ResidualTokens
from intrex.retrievers.multivector.options import TokenStore
from intrex.retrievers.multivector.tokens import StoredTokens
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.search import prepare_search
from tests.support.residuals import compressed, query_vectors, token_vectors


@pytest.fixture(scope="module")
def adi(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    from tests.conftest import SHARED

    if not SHARED.is_dir():
        pytest.skip("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    return import_collection(str(SHARED / "adi"), tmp_path_factory.mktemp("adi") / "adi")


def build(collection: Collection, out: Path, **options: object):
    return build_multivector(
        collection, BuildTask(out), make_token_encoder("hashing:32", EncoderOptions()), TokenStore(**options)
    )


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_files_and_bytes(adi: Collection, tmp_path: Path, bits: int) -> None:
    index = build(adi, tmp_path / "i", nbits=bits)
    manifest = verify_artifact(index.path)
    assert (manifest.params["store"], manifest.params["bits"]) == ("residual", bits)
    total, k = manifest.params["tokens"], len(index.tokens.codec.grid)
    assert k == 1 << int(np.log2(16 * total**0.5))
    sizes = {name: entry["bytes"] for name, entry in manifest.files.items()}
    assert "tokens.npy" not in sizes and "lengths.npy" not in sizes
    assert sizes["residuals.npy"] == 128 + total * 32 * bits // 8
    assert sizes["codes.npy"] == 128 + 2 * total
    assert sizes["centroids.npy"] == 128 + 2 * 32 * k
    assert sizes["lists.npy"] <= 128 + 4 * total


def test_lists_hold_the_documents_of_each_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maxsim, "STRIPE", 40)  # many blocks
    tokens = compressed(tmp_path / "t", token_vectors(90, 8))
    codes = np.load(tmp_path / "t" / "codes.npy")
    owners = np.repeat(np.arange(90), np.diff(tokens.offsets))
    for cell in range(len(tokens.codec.grid)):
        own = tokens.lists.lists[tokens.lists.bounds[cell] : tokens.lists.bounds[cell + 1]]
        assert own.tolist() == sorted(set(owners[codes == cell].tolist()))


def test_blocks_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = token_vectors(90, 8)
    compressed(tmp_path / "one", packed)
    monkeypatch.setattr(maxsim, "STRIPE", 17)
    monkeypatch.setattr(encoded, "SECONDS_BETWEEN_SAVES", 0.0)
    compressed(tmp_path / "two", packed)
    for file in (tmp_path / "one").glob("*.npy"):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_search_is_exact_over_the_decompressed_vectors(tmp_path: Path, bits: int) -> None:
    tokens, queries = compressed(tmp_path / "t", token_vectors(90, 8), bits), query_vectors(20, 8)
    whole = tokens.read(np.arange(tokens.offsets[-1]))
    assert whole.tobytes() == tokens.read(slice(0, len(whole)), np.empty_like(whole)).tobytes()
    plain = StoredTokens(PackedVectors(whole, tokens.offsets), 1.001)
    rank = np.arange(90, dtype=np.uint32)
    for one, other in zip(
        maxsim.search(tokens, queries, rank, 10, 2), maxsim.search(plain, queries, rank, 10, 1), strict=True
    ):
        assert one[0].tolist() == other[0].tolist() and one[1].tobytes() == other[1].tobytes()


def test_lengths_other_than_one_are_kept(tmp_path: Path) -> None:
    packed = token_vectors(60, 16)
    lengths = np.random.default_rng(3).uniform(0.2, 5, len(packed.vectors)).astype(np.float32)
    lengths[5] = 0
    scaled = PackedVectors((packed.vectors * lengths[:, None]).astype(np.float16), packed.offsets)
    tokens = compressed(tmp_path / "t", scaled, 4)
    assert (tmp_path / "t" / "lengths.npy").stat().st_size == 128 + 2 * len(lengths)
    found = tokens.read(np.arange(len(lengths)))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), lengths, rtol=2e-3, atol=1e-6)
    assert np.linalg.norm(found, axis=1).max() <= tokens.longest < lengths.max() * 1.01
    cosines = (found * packed.vectors).sum(1)[lengths > 0] / lengths[lengths > 0]
    assert cosines.min() > 0.9 and cosines.mean() > 0.99


def test_plaid_and_the_heuristic_without_cuts_give_the_exact_run(adi: Collection, tmp_path: Path) -> None:
    index = build(adi, tmp_path / "i", nbits=2)
    exact = index.search(adi.queries(), SearchOptions(k=20)).to_dict()
    for engine, far in (
        ("plaid", {"ncells": 10**6, "centroid_score_threshold": float("-inf"), "ndocs": 10**6}),
        ("sv-heuristic", {"candidates": 10**6}),
    ):
        options = prepare_search(index, {"k": 20, "engine": engine, **far})
        assert index.search(adi.queries(), options).to_dict() == exact


def test_engines_are_refused_where_they_do_not_fit(
    adi: Collection, small: Collection, tmp_path: Path
) -> None:
    whole, dense = build(adi, tmp_path / "i"), open_index(bm25(small, tmp_path / "b"))
    with pytest.raises(UsageError, match="PLAID searches compressed vectors"):
        prepare_search(whole, {"engine": "plaid"})
    for engine in ("plaid", "sv-heuristic"):
        with pytest.raises(UsageError, match=r"--engine is for .*multivector indexes, this one is bm25"):
            prepare_search(dense, {"engine": engine})
    for name, value in (("ncells", 1), ("centroid_score_threshold", 0.0), ("ndocs", 1), ("candidates", 1)):
        with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} is for .*--engine"):
            prepare_search(whole, {name: value})
    prepare_search(whole, {"engine": "sv-heuristic"})
    with pytest.raises(UsageError, match="--scoring is for --engine native"):
        prepare_search(whole, {"engine": "sv-heuristic", "scoring": "xtr"})


def bm25(collection: Collection, out: Path) -> Path:
    from intrex.retrievers.bm25.build import build_bm25

    build_bm25(collection, BuildTask(out))
    return out


def test_bits_are_checked_before_anything_is_encoded(small: Collection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--nbits is 3"):
        build(small, tmp_path / "i", nbits=3)
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize("name", ["codes", "residuals", "centroids", "quantiles", "tokens.offsets", "lists"])
def test_damage_is_found_when_the_index_is_opened(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "t"
    compressed(folder, token_vectors(50, 8))
    path = folder / f"{name}.npy"
    for array in (np.load(path)[:-1], np.load(path).astype(np.float64)):
        np.save(path, array)
        with pytest.raises(BadInput):
            _ = ResidualTokens(folder, "rebuild it").lists
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadInput, match="not a sound array"):
        _ = ResidualTokens(folder, "rebuild it").lists


@pytest.mark.parametrize(("name", "value"), [("codes", 65535), ("lists", 50), ("lists", -1)])
def test_numbers_that_point_outside_are_found(tmp_path: Path, name: str, value: int) -> None:
    folder = tmp_path / "t"
    compressed(folder, token_vectors(50, 8))
    array = np.load(folder / f"{name}.npy")
    array[3] = value
    np.save(folder / f"{name}.npy", array)
    with pytest.raises(BadInput, match=r"do not fit together|damaged"):
        _ = ResidualTokens(folder, "rebuild it").lists


def test_on_the_command_line(adi: Collection, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def intrex(*words: str) -> int:
        return run_cli([str(w) for w in words])

    out = tmp_path / "i"
    assert intrex("index", "multivector", adi.path, out, "--encoder", "hashing:16", "--nbits", "4") == 0
    assert intrex("index", "info", out, "--format", "csv") == 0
    said = capfd.readouterr().out
    assert "store,residual" in said and "bits,4" in said
    runs = {}
    for engine in ("native", "plaid", "sv-heuristic"):
        run = tmp_path / engine
        assert (
            intrex("search", out, f"{adi.path}:test", "-o", run, "--k", "5", "--tag", "t", "--engine", engine)
            == 0
        )
        runs[engine] = run.read_text()
    assert runs["native"] == runs["sv-heuristic"], "1,000 candidates are all documents"
    assert intrex("search", out, f"{adi.path}:test", "--engine", "plaid", "--ndocs", "0") == 2
    assert (
        intrex("index", "multivector", adi.path, tmp_path / "j", "--encoder", "hashing", "--nbits", "8") == 2
    )
