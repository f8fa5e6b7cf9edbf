"""FDEs: the worked numbers of the reference, golden vectors, edges and refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.fde.encoder import LIBRARY, Fde
from intrex.encoders.fde.plain import partitions
from tests.property.test_fde import maxsim, one, pack, units

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))


def test_the_kernels_compile() -> None:
    pytest.importorskip("numba")
    assert LIBRARY.kernels() is not None


def test_the_worked_example() -> None:
    config = FdeConfig(2, reps=1, k_sim=2, d_proj=None)
    fde = Fde(config, np.eye(2, dtype=np.float32)[None])
    query = np.array([(0.6, 0.8), (-0.8, 0.6), (0.8, 0.6)], np.float32)
    document = np.array([(0.6, 0.8), (1, 0), (-0.6, -0.8)], np.float32)
    assert partitions(query).tolist() == [2, 1, 2] and partitions(document).tolist() == [2, 3, 0]
    q, d = one(fde, query, "query"), one(fde, document, "document")
    np.testing.assert_allclose(q, [0, 0, -0.8, 0.6, 1.4, 1.4, 0, 0], atol=1e-6)
    np.testing.assert_allclose(d, [-0.6, -0.8, 0.6, 0.8, 0.6, 0.8, 1, 0], atol=1e-6)
    assert q @ d == pytest.approx(1.96) and maxsim(query, document) == pytest.approx(1.96)


def test_partitions_are_a_gray_code_of_strict_signs() -> None:
    table = {"000": 0, "001": 1, "010": 3, "011": 2, "100": 7, "101": 6, "110": 4, "111": 5}
    for bits, part in table.items():
        signs = np.array([[1.0 if b == "1" else 0.0 for b in bits]], np.float32)  # zero is not positive
        assert partitions(signs).tolist() == [part]
        assert format(part ^ (part >> 1), "03b") == bits


@pytest.mark.parametrize("fill, expected", [(True, -1.0), (False, 0.0)])
def test_the_smallest_violation_of_the_bound_without_fill(fill: bool, expected: float) -> None:
    fde = Fde(FdeConfig(2, 1, 1, None, fill_empty=fill), np.array([[[1, 0]]], np.float32))
    q, d = (one(fde, np.array([v], np.float32), r) for v, r in (((1, 0), "query"), ((-1, 0), "document")))
    assert q @ d == expected


def test_one_token_on_either_side() -> None:
    rng = np.random.default_rng(2)
    fde = Fde.draw(FdeConfig(16, reps=1, k_sim=4, d_proj=None))
    query, document = units(rng, 5, 16), units(rng, 1, 16)
    encoded = one(fde, document, "document")
    assert np.array_equal(encoded.reshape(16, 16), np.repeat(document, 16, axis=0))
    assert one(fde, query, "query") @ encoded == pytest.approx(maxsim(query, document), abs=1e-6)
    many = units(rng, 30, 16)
    parts = [partitions(tokens @ fde.vectors[0].T) for tokens in (query[:1], many)]
    inside = many[parts[1] == parts[0]]
    assert len(inside), "the query's partition is not empty, or this tests nothing"
    expected = float(query[0] @ inside.mean(axis=0))
    assert one(fde, query[:1], "query") @ one(fde, many, "document") == pytest.approx(expected, abs=1e-6)


def test_without_hyperplanes_it_is_the_sum_against_the_mean() -> None:
    rng = np.random.default_rng(3)
    fde = Fde.draw(FdeConfig(8, reps=1, k_sim=0, d_proj=None))
    query, document = units(rng, 4, 8), units(rng, 6, 8)
    np.testing.assert_allclose(one(fde, query, "query"), query.sum(axis=0), atol=1e-6)
    np.testing.assert_allclose(one(fde, document, "document"), document.mean(axis=0), atol=1e-6)


def test_the_same_repetition_twice_doubles_the_score() -> None:
    rng = np.random.default_rng(4)
    once = Fde.draw(FdeConfig(8, reps=1, k_sim=3, d_proj=4))
    twice = Fde(FdeConfig(8, reps=2, k_sim=3, d_proj=4), np.repeat(once.vectors, 2, axis=0))
    query, document = units(rng, 4, 8), units(rng, 6, 8)
    scores = [float(one(f, query, "query") @ one(f, document, "document")) for f in (once, twice)]
    assert scores[1] == pytest.approx(2 * scores[0], rel=1e-5)


@pytest.mark.parametrize("kind", ["dense", "countsketch"])
@pytest.mark.parametrize("where", ["inner", "final"])
def test_projections_are_unbiased(kind: str, where: str) -> None:
    """The mean over seeds is the unprojected score; the spread of the inner one is the exact variance's."""
    rng = np.random.default_rng(5)
    x = units(rng, 1, 128)
    y = 0.8 * x + 0.6 * units(rng, 1, 128)
    estimates = []
    for seed in range(400):
        options = {"d_proj": 16, "projection": kind} if where == "inner" else {"d_proj": None}
        if where == "final":
            options |= {"final_dim": 16, "final_projection": kind}
        fde = Fde.draw(FdeConfig(128, reps=1, k_sim=0, seed=seed, **options))
        estimates.append(float(one(fde, x, "query") @ one(fde, y, "document")))
    exact = float(x[0] @ y[0])
    assert np.mean(estimates) == pytest.approx(exact, abs=4 * np.std(estimates) / 20)
    assert (
        0.25 < np.std(estimates) < 0.42
    )  # sqrt((|x|^2 |y|^2 + <x,y>^2 - 2 sum x_i^2 y_i^2) / 16) is about 0.32


def test_more_partitions_and_repetitions_come_nearer() -> None:
    rng = np.random.default_rng(6)
    query = units(rng, 8, 32)
    near = [query[rng.random(8) < share] for share in np.linspace(0, 1, 60)]
    documents = [np.concatenate([n + 0.1 * units(rng, len(n), 32), units(rng, 12, 32)]) for n in near]
    exact = np.array([maxsim(query, d) for d in documents])

    def correlation(reps: int, k_sim: int) -> float:
        fde = Fde.draw(FdeConfig(32, reps, k_sim, None))
        estimates = fde.encode(pack(*documents), "document") @ one(fde, query, "query")
        return float(np.corrcoef(exact, estimates)[0, 1])

    assert correlation(1, 1) < correlation(5, 3) < correlation(40, 5)
    assert correlation(40, 5) > 0.95


@pytest.mark.parametrize("name", sorted(GOLDEN))
@pytest.mark.parametrize("role", ["document", "query"])
def test_golden_vectors(name: str, role: str) -> None:
    """Matrices and tokens are in the file: no version of numpy, and no change of ours, may give other vectors."""
    case = GOLDEN[name]
    config = FdeConfig(**case["config"])
    final = None if case["final"] is None else np.array(case["final"], case["final_dtype"])
    fde = Fde(config, np.array(case["vectors"], np.float32), final)
    got = fde.encode(pack(*case["tokens"]), role)
    np.testing.assert_allclose(got, np.array(case[role], np.float32), atol=1e-6)


def test_a_seed_decides_the_matrices() -> None:
    config = FdeConfig(16, reps=3, final_dim=40)
    one_, same, other = (
        Fde.draw(config),
        Fde.draw(config),
        Fde.draw(FdeConfig(16, reps=3, final_dim=40, seed=1)),
    )
    assert one_.fingerprint == same.fingerprint != other.fingerprint
    assert np.array_equal(one_.vectors, same.vectors) and np.array_equal(one_.final, same.final)
    assert not np.array_equal(one_.vectors[0], one_.vectors[1])
    more = Fde.draw(FdeConfig(16, reps=4, final_dim=40))
    assert np.array_equal(more.vectors[:3], one_.vectors), "repetitions are drawn one by one"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"k_sim": 21}, "k_sim is 21, needed: 0 to 20"),
        ({"k_sim": -1}, "k_sim is -1"),
        ({"d_proj": 9}, "d_proj is 9, needed: 1 to 8"),
        ({"d_proj": 0}, "d_proj is 0"),
        ({"reps": 0}, "a repetition"),
        ({"seed": -1}, "a seed of 0 or more"),
        ({"final_dim": 5121, "d_proj": 8}, "final_dim is 5,121, needed: 1 to 5,120"),
        ({"projection": "sparse"}, "unknown projection 'sparse'"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FdeConfig(8, **({"d_proj": 4} | options))


def test_tokens_that_cannot_be_encoded_are_refused() -> None:
    fde = Fde.draw(FdeConfig(4, reps=2, k_sim=2, d_proj=None))
    good = np.ones((3, 4), np.float32)
    with pytest.raises(BadInput, match="tokens of 5 dimensions; the FDE is of tokens of 4"):
        fde.encode(pack(np.ones((1, 5))), "query")
    with pytest.raises(BadInput, match="document 2 has no token"):
        fde.encode(PackedVectors(good, np.array([0, 3, 3])), "document")
    with pytest.raises(BadInput, match="query 'q7' has no token"):
        fde.encode(PackedVectors(good, np.array([0, 0, 3])), "query", names=["q7", "q8"])
    for bad in (np.nan, np.inf):
        broken = good.copy()
        broken[2, 1] = bad
        with pytest.raises(BadInput, match="document 'b' has NaN or infinity"):
            fde.encode(pack(good, broken, good), "document", names=["a", "b", "c"], threads=2)
    assert fde.encode(PackedVectors(good[:0], np.array([0])), "document").shape == (0, 32)


def test_half_precision_tokens_are_widened() -> None:
    tokens = units(np.random.default_rng(7), 9, 8).astype(np.float16)
    fde = Fde.draw(FdeConfig(8, reps=2, k_sim=2, d_proj=None))
    half = PackedVectors(tokens, np.array([0, 4, 9]))
    assert np.array_equal(
        fde.encode(half, "document"), fde.encode(half._replace(vectors=tokens.astype(np.float32)), "document")
    )
