"""One list of header words: what the readers skip is what `check` calls a header row."""

from pathlib import Path

import pytest

from intrex.data.check.check import check_paths
from intrex.data.check.kinds import tell_kind
from intrex.data.errors import BadInput, Problems
from intrex.data.importers.inputs import Input
from intrex.data.importers.topics import read_topics
from intrex.data.io.lines import HEADERS
from intrex.data.qrels import read_qrels
from intrex.data.runformats import read_any_run

FIRST = [f"{word} Q0 doc rank score tag" for word in sorted(HEADERS)]
OTHERS = [
    "Query-ID Q0 doc rank score tag",
    "query iteration doc rank score",
    "name Q0 doc rank score tag",
    "id Q0 d 1 2 t",
]


@pytest.mark.parametrize("line", [*FIRST, *OTHERS])
def test_the_reader_of_runs_and_check_agree_on_a_first_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "r").write_text(f"{line}\nq1 Q0 d1 1 2 t\nq1 Q0 d2 2 1 t\n")
    codes = {row[0] for row in check_paths([tmp_path / "r"], "run").rows()}
    try:
        skipped = read_any_run(tmp_path / "r").to_dict() == {"q1": {"d1": 2.0, "d2": 1.0}}
    except BadInput:
        skipped = False
    assert ("F012" in codes) is skipped


@pytest.mark.parametrize("line", [f"{word} 0 doc grade" for word in sorted(HEADERS)] + ["name 0 doc grade"])
def test_the_reader_of_judgements_and_check_agree(tmp_path: Path, line: str) -> None:
    (tmp_path / "qrels").write_text(f"{line}\nq1 0 d1 1\n")
    codes = {row[0] for row in check_paths([tmp_path / "qrels"], "qrels").rows()}
    try:
        skipped = read_qrels(tmp_path / "qrels").to_dict() == {"q1": {"d1": 1}}
    except BadInput:
        skipped = False
    assert ("F012" in codes) is skipped


@pytest.mark.parametrize("word", sorted(HEADERS))
def test_headers_of_queries_are_skipped(tmp_path: Path, word: str) -> None:
    (tmp_path / "q.tsv").write_text(f"{word}\ttext\nq1\tone two\n")
    problems = Problems("q.tsv")
    assert [query.id for query in read_topics(Input(tmp_path / "q.tsv", "q.tsv"), problems)] == ["q1"]


def test_a_headed_query_file_is_not_taken_for_judgements(tmp_path: Path) -> None:
    (tmp_path / "q.tsv").write_text("id\tquery text\nq1\tone two\nq2\tthree four\n")
    kind = tell_kind(tmp_path / "q.tsv")
    assert kind is not None
    assert kind.name == "queries"
