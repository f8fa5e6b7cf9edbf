"""Scores of a server: the two forms of a call, what is tried again and what is not, keys, and wrong answers."""

import email.utils
import math
import socket
import time

import pytest

from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.run import Run
from intrex.data.store.scorecache import ScoreCache
from intrex.retrievers.rerank.options import RerankOptions
from intrex.retrievers.rerank.pairs import rerank_pairs
from intrex.retrievers.rerank.scorer import open_scorer
from intrex.retrievers.rerank.server import address_of
from tests.support.rerankserver import overlap, rerank_server


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with rerank_server() as running:
        yield running


@pytest.fixture
def rerank(small, server):
    def call(cache=None, url=None, **options):
        options = {"retries": 0, "time_limit": 20.0, **options}
        with open_scorer(RerankOptions(model=url or f"http:{server.url}", **options)) as scorer:
            ids = [d.id for d in small.documents()]
            queries = small.queries()
            run = Run.from_dict({q: {d: float(len(ids) - i) for i, d in enumerate(ids)} for q in queries.ids})
            return rerank_pairs(run, queries, small, scorer, 10, "t", cache).to_dict()

    return call


def wanted(small):
    queries = small.queries()
    return {
        q: {d.id: pytest.approx(overlap(text, d.passage)) for d in small.documents()}
        for q, text in zip(queries.ids, queries.texts, strict=True)
    }


@pytest.mark.parametrize("request_form", ["documents", "texts"])
@pytest.mark.parametrize("size", [1, 3, 32])
def test_both_forms_give_each_document_its_score(small, server, rerank, request_form, size):
    assert rerank(request=request_form, batch_size=size) == wanted(small)
    bodies = [body for _, _, body in server.calls]
    assert all(set(body) == {"query", request_form} and len(body[request_form]) <= size for body in bodies)
    assert len(bodies) == 4 * math.ceil(5 / size), "a call is of one query; d2 and d5 have one text"
    assert {path for path, _, _ in server.calls} == {"/rerank"}


def test_path_model_and_key_are_sent_and_the_key_is_kept_nowhere(server, rerank, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_OF_A_TEST", "s3cr3t")
    cache = ScoreCache(tmp_path / "kept")
    rerank(cache, f"{server.url}/v1/rerank", served_model="m", key_env="SECRET_OF_A_TEST")
    path, headers, body = server.calls[0]
    assert path == "/v1/rerank" and body["model"] == "m" and headers["Authorization"] == "Bearer s3cr3t"
    kept = b"".join(file.read_bytes() for file in (tmp_path / "kept").rglob("*") if file.is_file())
    assert f"{server.url}/v1/rerank".encode() in kept and b"s3cr3t" not in kept
    rerank(cache, f"{server.url}/v1/rerank", served_model="m")
    assert cache.hits == 20
    rerank(cache, f"{server.url}/v1/rerank", served_model="other")
    assert cache.hits == 20 and cache.added == 40
    rerank(cache, f"{server.url}/v1/rerank", served_model="m", scorer_version="june")
    assert cache.hits == 20 and cache.added == 60


@pytest.mark.parametrize("step", [500, 502, 503, 408, 429, (429, {"Retry-After": "0"})])
def test_what_may_pass_is_asked_again(small, server, rerank, step):
    server.before = [step, step]
    assert rerank(retries=2) == wanted(small)
    server.before = [step, step]
    code = step[0] if isinstance(step, tuple) else step
    with pytest.raises(IntrexError) as raised:
        rerank(retries=1)
    assert f"the server says {code}" in raised.value.message and "tried 2 times" in raised.value.message
    assert "query q1 and document d1" in raised.value.message and "busy" in raised.value.message


def test_a_pause_that_the_server_asks_for_is_made(small, server, rerank):
    server.before = [(429, {"Retry-After": "1"})]
    start = time.monotonic()
    assert rerank(retries=1) == wanted(small)
    assert time.monotonic() - start >= 1
    soon = email.utils.formatdate(time.time() + 2, usegmt=True)
    server.before = [(503, {"Retry-After": soon})]
    start = time.monotonic()
    assert rerank(retries=1) == wanted(small)
    assert 0.5 <= time.monotonic() - start < 15
    server.before = [(429, {"Retry-After": "7200"})]
    with pytest.raises(IntrexError, match="it asks for a pause of 7,200 s"):
        rerank(retries=5)


@pytest.mark.parametrize(
    ("step", "hint"),
    [
        (401, "--key-env"),
        (404, "the path is part of the address"),
        (422, "--request texts"),
        ((302, {"Location": "/elsewhere"}), "a key is sent to no other server"),
    ],
)
def test_a_refusal_is_final(server, rerank, step, hint):
    server.before = [step]
    with pytest.raises(IntrexError) as raised:
        rerank(retries=5)
    assert len(server.calls) == 1 and hint in raised.value.hint and "busy" in raised.value.message


def test_a_server_that_hangs(small, server, rerank):
    server.before = [-60]
    assert rerank(retries=1, time_limit=0.5) == wanted(small)
    server.before = [-60, -60]
    start = time.monotonic()
    with pytest.raises(IntrexError, match=r"no answer within 0\.5 s .*tried 2 times"):
        rerank(retries=1, time_limit=0.5)
    assert time.monotonic() - start < 15


def test_a_server_that_is_not_there(rerank):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(IntrexError, match=r"the server cannot be asked: .*tried 2 times"):
        rerank(url=f"http://127.0.0.1:{port}", retries=1)


def set_last(key, value):
    return lambda results: [*results[:-1], {**results[-1], key: value}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda results: results[:-1], "gave 4 of 5 scores, none for query q1 and document"),
        (lambda results: results + results[:1], "gave two scores for query q1 and document"),
        (set_last("index", 5), "scored document 5 of 5, counted from 0"),
        (set_last("index", -1), "scored document -1 of 5"),
        (set_last("index", True), "scored document True of 5"),
        (set_last("relevance_score", None), "gave None for query q1 and document"),
        (set_last("relevance_score", float("nan")), "is nan"),
        (set_last("relevance_score", float("inf")), "is inf"),
        (set_last("relevance_score", 1e39), "is inf"),
        (lambda results: "none", "has no list of results"),
        (lambda results: [1, 2], "has no list of results"),
    ],
)
def test_a_wrong_answer_is_an_error_and_is_not_asked_for_again(server, rerank, change, words, tmp_path):
    server.change = change
    cache = ScoreCache(tmp_path / "kept")
    with pytest.raises(BadInput) as raised:
        rerank(cache, retries=5)
    assert words in raised.value.message and len(server.calls) == 1 and cache.added == 0


def test_an_answer_that_is_no_json(server, rerank):
    server.before = [b"<html>welcome</html>"]
    with pytest.raises(BadInput, match="no JSON: b'<html>welcome"):
        rerank(retries=5)


def test_what_was_scored_before_an_outage_is_not_asked_for_again(small, server, rerank, tmp_path):
    server.before = [None, None, 500]
    cache = ScoreCache(tmp_path / "kept")
    with pytest.raises(IntrexError):
        rerank(cache)
    assert cache.added == 10 and len(server.calls) == 3
    assert rerank(cache) == wanted(small)
    assert cache.hits == 10 and len(server.calls) == 5


def test_addresses(monkeypatch):
    assert address_of("http:https://a.b/x?v=1") == "https://a.b/x?v=1"
    assert address_of("http://a.b:8080/") == "http://a.b:8080/rerank"
    for bad in ("http:", "http:a.b", "http://", "https://a.b:0", "http://a.b:99999/x", "http:ftp://a.b/x"):
        with pytest.raises(UsageError, match="not an http or https address"):
            address_of(bad)
    with pytest.raises(UsageError, match="password"):
        address_of("http://me:mine@a.b/rerank")
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(UsageError, match="NO_SUCH_KEY is not set"):
        open_scorer(RerankOptions(model="http://a.b", key_env="NO_SUCH_KEY")).__enter__()
