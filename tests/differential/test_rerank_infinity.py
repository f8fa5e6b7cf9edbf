"""``rerank --with http:`` against a real server, infinity, that serves a cross-encoder with MiniLM's weights.

infinity needs older libraries than intrex, so it has an environment of its own, made here or named by INTREX_INFINITY.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from intrex.data.errors import IntrexError
from intrex.data.run import Run
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.models import resolve_model
from intrex.retrievers.rerank.options import RerankOptions
from intrex.retrievers.rerank.scorer import rerank_texts

pytestmark = [pytest.mark.long, pytest.mark.model]
INFINITY = "infinity-emb[server,torch]==0.0.78"
KEY = "key-of-this-test"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with infinity and a torch without CUDA."""
    if named := os.environ.get("INTREX_INFINITY"):
        return Path(named)
    folder = tmp_path_factory.mktemp("infinity")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    wanted = [INFINITY, f"torch=={version('torch').partition('+')[0]}"]
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    report = folder / "report.json"
    for more in (["--dry-run", "--report", report], ["--no-cache-dir"]):
        said = subprocess.run([*pip, *more, *wanted], capture_output=True, text=True, timeout=900)
        if said.returncode:
            pytest.skip(f"infinity cannot be installed here: {said.stderr.strip()[-300:]}")
        names = [part["metadata"]["name"] for part in json.loads(report.read_text())["install"]]
        if any(name.startswith("nvidia") for name in names):
            pytest.skip("infinity would bring a torch with CUDA, some 5 GB")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of MiniLM's weights, its head drawn by a seed: no reranker, but real scores of a real model."""
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForSequenceClassification

    source, folder = resolve_model("all-MiniLM-L6-v2").path, tmp_path_factory.mktemp("model") / "cross"
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_pretrained(source, num_labels=1).save_pretrained(folder)
    for name in ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"):
        if (
            source / name
        ).exists():  # as they are: those that transformers 5 writes are none for transformers 4
            shutil.copy(source / name, folder)
    return folder


@pytest.fixture(scope="module")
def address(environment: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running infinity, which is stopped at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [
        environment / "bin" / "infinity_emb",
        "v2",
        "--model-id",
        model,
        "--served-model-name",
        "cross",
        "--port",
        str(port),
    ]
    line += [
        "--host",
        "127.0.0.1",
        "--engine",
        "torch",
        "--device",
        "cpu",
        "--no-bettertransformer",
        "--no-model-warmup",
    ]
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "INFINITY_API_KEY": KEY}
    folder = tmp_path_factory.mktemp("server")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            line, cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 240
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()[
                -2000:
            ]
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
            return True
    except OSError:
        return False


def rerank(small, address, **options):
    ids = [document.id for document in small.documents()]
    run = Run.from_dict({q: {d: float(-i) for i, d in enumerate(ids)} for q in small.queries().ids})
    chosen = RerankOptions(model=address, served_model="cross", **options)
    return rerank_texts(run, small.queries(), small, chosen, "t").to_dict()


def test_scores_are_those_of_the_same_weights_here(small, model, address, monkeypatch):
    monkeypatch.setenv("KEY_OF_INFINITY", KEY)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    scorer = make_pair_scorer(str(model), EncoderOptions(device="cpu"))
    texts = {d.id: d.passage for d in small.documents()}
    queries = small.queries()
    for size in (2, 32):
        served = rerank(small, address, key_env="KEY_OF_INFINITY", batch_size=size)
        assert set(served) == set(queries.ids)
        for query, text in zip(queries.ids, queries.texts, strict=True):
            own = scorer.score([text] * len(texts), list(texts.values()))
            assert served[query] == pytest.approx(dict(zip(texts, own.tolist(), strict=True)), abs=1e-5)


def test_without_the_key_and_in_the_other_form_it_says_why(small, address, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("KEY_OF_INFINITY", KEY)
    with pytest.raises(IntrexError, match="the server says 401"):
        rerank(small, address, retries=5)
    with pytest.raises(IntrexError, match="the server says 422") as raised:
        rerank(small, address, key_env="KEY_OF_INFINITY", request="texts")
    assert "--request documents" in raised.value.hint
