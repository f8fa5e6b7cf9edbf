import hashlib
import struct
from pathlib import Path

import pytest

from intrex.data.errors import BadInput
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.scoring import stream
from intrex.eval.scoring.matching import match
from intrex.eval.scoring.signature import run_fingerprint
from intrex.eval.scoring.stream import match_any

QRELS = Qrels.from_dict({"q2": {"d1": 1, "d9": 2, "d3": -1, "q2": 1}, "q1": {"a": 0}, "q3": {"a": 1}})
RUN = Run.from_dict(
    {"q2": {"d0": 4, "q2": 3, "d1": 2, "d3": 2, "d5": 1}, "q3": {"b": 1}, "other": {"d1": 1}}, "mine"
)


def test_hits_are_by_rank_with_negative_grades_and_without_unjudged_documents() -> None:
    found = match(QRELS, RUN)
    assert found.retrieved.tolist() == [0, 5, 1]
    assert found.offsets.tolist() == [0, 0, 3, 3]
    assert found.ranks.tolist() == [2, 3, 4]  # d3 before d1: a tie
    assert QRELS.doc_ids[found.rows].tolist() == [b"q2", b"d3", b"d1"]
    assert (found.n_extra, found.tag, found.run_sha256) == (1, "mine", run_fingerprint(RUN))


def test_the_query_itself_can_be_left_out_which_the_digest_does_not_see() -> None:
    found = match(QRELS, RUN, drop_self=True)
    assert (found.retrieved.tolist(), found.ranks.tolist()) == ([0, 4, 1], [2, 3])
    assert QRELS.doc_ids[found.rows].tolist() == [b"d3", b"d1"]
    assert found.run_sha256 == run_fingerprint(RUN)
    assert match(QRELS, RUN, digest=False).run_sha256 is None


def test_the_fingerprint_of_a_run_is_what_formats_md_says() -> None:
    outer = hashlib.sha256()
    for query, docs in sorted(RUN.to_dict().items()):
        inner = "".join(f"{d}\n" for d in docs).encode() + b"".join(
            struct.pack("<f", s) for s in docs.values()
        )
        outer.update(query.encode() + b"\n" + hashlib.sha256(inner).digest())
    assert run_fingerprint(RUN) == outer.hexdigest()
    retagged = Run.from_dict(RUN.to_dict(), "other")
    assert run_fingerprint(retagged) == outer.hexdigest()


def test_any_form_of_run_is_read_and_errors_are_those_of_the_plain_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = {
        "trec": "q2 Q0 d1 1 3 t\nq2 Q0 d9 2 2 t\n",
        "json": '{"q2": {"d1": 3, "d9": 2}}',
        "msmarco": "q2 d1 1\nq2 d9 2\n",
    }
    for threshold in (0, 1 << 30):
        monkeypatch.setattr(stream, "WORTH_COMPILING", threshold)
        for name, text in forms.items():
            (tmp_path / name).write_text(text)
            assert match_any(QRELS, tmp_path / name).ranks.tolist() == [1, 2], name
        (tmp_path / "bad").write_text("q2 Q0 d1 1 3 t\nq2 Q0 d1 2 2 t\n")
        with pytest.raises(BadInput, match="bad:2"):
            match_any(QRELS, tmp_path / "bad")
        with pytest.raises(BadInput, match="not found"):
            match_any(QRELS, tmp_path / "none")
        with pytest.raises(BadInput, match="folder"):
            match_any(QRELS, tmp_path)


def test_a_file_that_is_worth_it_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WORTH_COMPILING", 0)
    monkeypatch.setattr(stream, "read_any_run", None)
    (tmp_path / "run").write_text("q2 Q0 d1 1 3 t\n")
    assert match_any(QRELS, tmp_path / "run").ranks.tolist() == [1]
