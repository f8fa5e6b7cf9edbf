"""FDEs: the bound on MaxSim, invariances, and the same bits however they are computed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.native.library import Library
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.fde import encoder as module
from intrex.encoders.fde.config import PROJECTIONS, FdeConfig
from intrex.encoders.fde.encoder import Fde
from intrex.encoders.fde.plain import nearest_points, partitions


def pack(*texts):
    vectors = [np.asarray(t, np.float32) for t in texts]
    return PackedVectors(np.concatenate(vectors), np.cumsum([0, *map(len, vectors)]))


def units(rng, n, dim):
    vectors = rng.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def maxsim(query, document):
    return float((query.astype(np.float64) @ document.T.astype(np.float64)).max(axis=1).sum())


def one(fde, tokens, role):
    return fde.encode(pack(tokens), role)[0]


def by_definition(fde, tokens, role):
    """The paper's construction, sentence by sentence, in float64."""
    c, blocks = fde.config, []
    for matrix in fde.vectors.astype(np.float64):
        planes, inner = matrix[: c.k_sim], matrix[c.k_sim :]
        strings = ["".join("1" if plane @ t > 0 else "0" for plane in planes) for t in tokens]
        points = [t if c.d_proj is None else inner @ t for t in tokens.astype(np.float64)]
        for part in range(2**c.k_sim):
            string = format(part ^ (part >> 1), f"0{c.k_sim}b") if c.k_sim else ""
            inside = [p for p, s in zip(points, strings, strict=True) if s == string]
            if inside:
                blocks.append(sum(inside) / (len(inside) if role == "document" else 1))
            elif role == "document" and c.fill_empty:
                distances = [sum(a != b for a, b in zip(s, string, strict=True)) for s in strings]
                blocks.append(points[distances.index(min(distances))])
            else:
                blocks.append(np.zeros(c.width))
    whole = np.concatenate(blocks)
    if c.final_dim is None:
        return whole
    if c.final_projection == "dense":
        signs = np.unpackbits(fde.final, axis=1, count=c.full_dim) * 2.0 - 1
        return signs @ whole / np.sqrt(c.final_dim)
    out = np.zeros(c.final_dim)
    for value, slot in zip(whole, fde.final, strict=True):
        out[abs(slot) - 1] += np.sign(slot) * value
    return out


@st.composite
def problems(draw):
    """A configuration, and texts of some sizes; coarse vectors have ties and products of exactly zero."""
    dim = draw(st.sampled_from([1, 2, 3, 8, 17]))
    d_proj = draw(st.sampled_from([None, 1, dim]))
    config = FdeConfig(
        dim, draw(st.integers(1, 3)), draw(st.integers(0, 5)), d_proj,
        draw(st.sampled_from(PROJECTIONS)), fill_empty=draw(st.booleans()), seed=draw(st.integers(0, 99)),
    )  # fmt: skip
    if draw(st.booleans()):
        final = draw(st.integers(1, config.full_dim))
        kind = draw(st.sampled_from(PROJECTIONS))
        config = FdeConfig(**{**vars(config), "final_dim": final, "final_projection": kind})
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=12))
    coarse = draw(st.booleans())
    texts = [rng.integers(-2, 3, (n, dim)) / 2 if coarse else units(rng, n, dim) for n in sizes]
    return Fde.draw(config), [t.astype(np.float32) for t in texts]


@settings(derandomize=True, deadline=None, max_examples=120)
@given(problems(), st.sampled_from(["document", "query"]))
def test_equal_to_the_definition(problem, role):
    fde, texts = problem
    got = fde.encode(pack(*texts), role)
    for row, tokens in zip(got, texts, strict=True):
        np.testing.assert_allclose(row, by_definition(fde, tokens, role), atol=2e-5)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(problems(), st.sampled_from(["document", "query"]), st.integers(1, 5), st.integers(1, 3))
def test_batches_threads_and_the_lack_of_a_compiler_change_no_bit(problem, role, block, threads):
    fde, texts = problem
    usual = fde.encode(pack(*texts), role)
    alone = np.concatenate([fde.encode(pack(t), role) for t in texts])
    patch = pytest.MonkeyPatch()
    try:
        patch.setattr(module, "TEXTS_AT_ONCE", block)
        patch.setattr(module, "TOKENS_AT_ONCE", 50)
        blocks = fde.encode(pack(*texts), role, threads=threads)
        patch.setattr(Library, "kernels", lambda *_: None)
        plain = fde.encode(pack(*texts), role)
    finally:
        patch.undo()
    for other in (alone, blocks, plain):
        assert np.array_equal(usual.view(np.uint32), other.view(np.uint32))


@pytest.mark.parametrize("final", [None, "dense", "countsketch"])
@pytest.mark.parametrize("dim", [128, 384])
def test_real_sizes_are_the_same_bits_in_any_batch(dim, final):
    """At the sizes of models BLAS takes other paths than at small ones; one token is a product of one row."""
    rng = np.random.default_rng(1)
    texts = [units(rng, n, dim) for n in (1, 2, 383, 1, 384, 385, 40, 7, *rng.integers(1, 200, 70))]
    texts[3] = texts[2][200:201]
    more = {} if final is None else {"final_dim": 1000, "final_projection": final}
    fde = Fde.draw(FdeConfig(dim, reps=7, **more))
    for role in ("document", "query"):
        whole = fde.encode(pack(*texts), role, threads=2)
        parts = [fde.encode(pack(*texts[i : i + 9]), role) for i in range(0, len(texts), 9)]
        assert np.array_equal(np.concatenate(parts), whole)
        assert np.array_equal(np.concatenate([fde.encode(pack(t), role) for t in texts]), whole)


def test_the_bound_is_one_sided():
    """Lemma A.3: filled and not projected, the estimate is never above MaxSim; without the fill it often is."""
    rng = np.random.default_rng(0)
    above = {True: 0, False: 0}
    for trial in range(2000):
        query, document = units(rng, rng.integers(1, 6), 8), units(rng, rng.integers(1, 6), 8)
        for fill in above:
            fde = Fde.draw(FdeConfig(8, reps=1, k_sim=3, d_proj=None, fill_empty=fill, seed=trial))
            estimate = one(fde, query, "query").astype(np.float64) @ one(fde, document, "document")
            above[fill] += estimate > maxsim(query, document) + 1e-5
    assert above[True] == 0 and 150 < above[False] < 600


@settings(derandomize=True, deadline=None, max_examples=60)
@given(problems(), st.integers(0, 2**32))
def test_the_order_of_tokens_does_not_matter(problem, seed):
    fde, texts = problem
    rng = np.random.default_rng(seed)
    for tokens in texts:
        mixed = tokens[rng.permutation(len(tokens))]
        np.testing.assert_allclose(one(fde, mixed, "query"), one(fde, tokens, "query"), atol=2e-5)
        parts = [partitions(tokens @ m[: fde.config.k_sim].T) for m in fde.vectors]
        if all(len(set(p.tolist())) == 1 << fde.config.k_sim for p in parts) or not fde.config.fill_empty:
            np.testing.assert_allclose(one(fde, mixed, "document"), one(fde, tokens, "document"), atol=2e-5)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(problems())
def test_queries_add_up(problem):
    fde, texts = problem
    together = one(fde, np.concatenate(texts), "query")
    np.testing.assert_allclose(fde.encode(pack(*texts), "query").sum(axis=0), together, atol=1e-4)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.integers(0, 6), st.integers(1, 9), st.integers(0, 2**32))
def test_the_nearest_point_is_nearest_by_bits(k, n, seed):
    rng = np.random.default_rng(seed)
    strings = rng.integers(0, 1 << k, n)
    ids = np.array([next(p for p in range(1 << k) if p ^ (p >> 1) == s) for s in strings])
    found = nearest_points(ids, k)
    for part, point in enumerate(found):
        distances = [int(s ^ part ^ (part >> 1)).bit_count() for s in strings.tolist()]
        assert point == distances.index(min(distances))
