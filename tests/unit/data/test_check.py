"""Every code has an input that triggers it, at the right line, and clean inputs trigger none."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from intrex.data.check.check import check_paths
from intrex.data.check.codes import CODES, SEVERITIES
from intrex.data.errors import BadInput, CheckFailed, UsageError
from intrex.eval.tables import markdown_lines
from tests.conftest import ROOT, write_beir

RUN = b"q1 Q0 d1 1 2.0 t\nq1 Q0 d2 2 1.0 t\nq2 Q0 d1 1 3.5 t\n"
QRELS = b"q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 2\n"
BEIR = b"query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td1\t1\n"
CORPUS = b'{"_id": "d1", "title": "a", "text": "b"}\n{"_id": "d2", "title": "", "text": "c"}\n'
JSONL = b'{"_id": "q1", "text": "one"}\n{"_id": "q2", "text": "two"}\n'
TSV = b"q1\tone\nq2\ttwo\n"
TOPICS = b"<top>\n<num> Number: 51\n<title> one\n</top>\n"
MARCO = b"q1\td1\t1\nq1\td2\t2\n"
JSON = b'{"q1": {"d1": 2.0, "d2": 1.0}, "q2": {"d1": 3}}\n'
CLEAN = {
    "run.txt": RUN, "qrels.txt": QRELS, "beir.qrels.tsv": BEIR + b"q2\td2\t0\n", "corpus.jsonl": CORPUS, "queries.jsonl": JSONL,
    "queries.tsv": TSV, "topics.txt": TOPICS, "marco.run": MARCO, "run.json": JSON, "run.gz": gzip.compress(RUN),
    "collection.tsv": b"d1\ta\nd2\tb\n", "docs.jsonl": b'{"id": "d1", "contents": "x"}\n',
    "tabs.run": RUN.replace(b" ", b"\t"), "zero.run": RUN.replace(b" 1 ", b" 0 ").replace(b" 2 ", b" 1 "),
    "prefs.txt.qrels.gz": gzip.compress(QRELS), "queries.json": b'[{"_id": "q1", "text": "one"}]\n',
}  # fmt: skip

# code -> (file name, content, lines where it is found; [] when it is of the whole file)
ONE: dict[str, list[tuple[str, bytes, list[int]]]] = {
    "F001": [("r", RUN + b"q3 Q0 caf\xe9 1 1 t\n", [4]), ("queries.jsonl", JSONL + b'{"_id": "q3", "text": "\xe9"}\n', [3])],
    "F002": [("r", b"\xef\xbb\xbf" + RUN, [1]), ("corpus.jsonl", b"\xef\xbb\xbf" + CORPUS, [1])],
    "F003": [("r", RUN.replace(b"\n", b"\r\n"), [1, 2, 3]), ("queries.tsv", b"q1\tone\nq2\ttwo\r\n", [2])],
    "F004": [("r", RUN + b"q3 Q0 a\0b 1 1 t\n", [4]), ("qrels", QRELS + b"q3 0 a\x01b 1\n", [4])],
    "F005": [("r.gz", gzip.compress(RUN * 100)[:-9], []), ("r.gz", gzip.compress(RUN)[:-4] + b"xxxx", [])],
    "F006": [("r", b"", []), ("r", b"\n# only this\n\n", []), ("corpus.jsonl", b"", []), ("queries.tsv", b"\n", [])],
    "F007": [("r", RUN[:-1], [3]), ("queries.jsonl", JSONL[:-1], [2])],
    "F008": [("r", RUN[:-5], [3]), ("qrels", QRELS[:-3], [3])],
    "F009": [("r", b"\n" + RUN + b" \t\n", [1, 5]), ("qrels", QRELS + b"\n", [4]), ("queries.jsonl", JSONL + b"\n", [3])],
    "F010": [("r", b"# one\n" + RUN + b"  # two\n", [1, 5]), ("qrels", QRELS.replace(b"q2", b"# x\nq2"), [3])],
    "F011": [("r", RUN + b"#3 Q0 d1 1 2.5 t\n", [4]), ("qrels", QRELS + b"#3 0 d1 1\n" + QRELS[:10], [4])],
    "F012": [("r", b"qid Q0 docno rank score tag\n" + RUN, [1]), ("qrels", b"query_id iter doc rel\n" + QRELS, [1])],
    "F013": [("r", RUN + b"q3 Q0 d1 1 2.5\n", [4]), ("qrels", b"q1 d1 1\n" + QRELS, [1])],
    "F014": [("x", b"Dear reader,\nthis is a letter of some length.\n", [])],
    "F015": [("queries.tsv", b"q1\ta\x01b\nq2\ttwo\n", [1])],
    "I001": [("qrels.tsv", BEIR + b"q3\tthe doc\t1\n", [4]), ("qrels.tsv", BEIR.replace(b"d1", b"d 1"), [2, 3])],
    "I002": [("corpus.jsonl", CORPUS + b'{"_id": "a b", "title": "", "text": "x"}\n', [3])],
    "I003": [("r", RUN + "q3 Q0 a\u200b 1 1 t\n".encode(), [4])],
    "I004": [("r", RUN + b"Q1 Q0 d1 1 1 t\n", [4]), ("corpus.jsonl", CORPUS + b'{"_id": "D2", "title": "", "text": "x"}\n', [3])],
    "I005": [("r", RUN + b"q3 Q0 d01 1 1 t\n", [4]), ("queries.tsv", b"7\ta\n007\tb\n", [2])],
    "I006": [("r", RUN + "q3 Q0 \u00fc 1 1 t\nq3 Q0 u\u0308 2 0.5 t\n".encode(), [5])],
    "I007": [("r", RUN + 'q3 Q0 a\u00a0b 1 1 t\n'.encode(), [4]), ("qrels", QRELS + b'q3 0 "d 1\n', [4]), ("r", RUN + b"q3 Q0 " + b"d" * 513 + b" 1 1 t\n", [4]), ("queries.jsonl", JSONL + b'{"_id": "", "text": "x"}\n{"_id": 7, "text": "x"}\n', [3, 4]), ("r", RUN + "q3 Q0 a\u009b 1 1 t\nq3 Q0 b\u202e 2 0.5 t\n".encode(), [4, 5]), ("corpus.jsonl", CORPUS + '{"_id": "d\u2066", "title": "", "text": "x"}\n'.encode(), [3])],
    "I008": [("r", RUN + b"q3 Q0 NA 1 2 t\nq3 Q0 null 2 1 t\nq3 Q0 nano 3 0 t\nq3 Q0 N/A 4 -1 t\n", [4, 5, 7]), ("qrels", QRELS + b"None 0 d1 1\n", [4]), ("corpus.jsonl", CORPUS + b'{"_id": "nan", "title": "", "text": "x"}\n', [3])],
    "I009": [("r", RUN + b"007 Q0 d1 1 2 t\n0 Q0 d1 1 2 t\nd07 Q0 d1 1 2 t\n", [4]), ("queries.tsv", b"7\ta\n08\tb\n", [2])],
    "C001": [("corpus.jsonl", CORPUS + b'{"_id": "d3"\n{"text": "x", "title": ""}\n[1]\n', [3, 4, 5]), ("corpus.jsonl", CORPUS + b'{"_id": "d3", "title": "", "text": "x", "metadata": {"a": NaN}}\n{"_id": "d4", "title": "", "text": "\\ud800"}\n{"_id": "d5", "_id": "d6", "title": "", "text": "x"}\n', [3, 4, 5])],
    "C002": [("corpus.jsonl", CORPUS + b'{"_id": "d1", "title": "", "text": "other"}\n', [3])],
    "C003": [("corpus.jsonl", CORPUS + CORPUS, [3, 4])],
    "C004": [("corpus.jsonl", CORPUS + b'{"_id": "d3", "title": "", "text": " "}\n', [3])],
    "C005": [("corpus.jsonl", CORPUS + b'{"_id": "d3", "title": "", "text": 7}\n', [3])],
    "C006": [("corpus.jsonl", b'{"_id": "d1", "text": "x", "url": "y"}\n', [])],
    "C007": [("collection.tsv", b'1\t"A ""fast"" ferry"\tFerry\n', [])],
    "T001": [("queries.tsv", TSV + b"no tab\n", [3]), ("queries.jsonl", JSONL + b'{"_id": "q3"}\n', [3]), ("topics", TOPICS + b"<top>\n<title> x\n</top>\n", [5])],
    "T002": [("queries.tsv", TSV + b"q1\tother\n", [3])],
    "T003": [("queries.tsv", TSV + b"q1\tone\n", [3])],
    "T004": [("queries.tsv", TSV + b"q3\t\n", [3]), ("queries.jsonl", JSONL + b'{"_id": "q3", "text": " "}\n', [3])],
    "T005": [("queries.jsonl", JSONL + b'{"_id": "q3", "text": ["x"]}\n', [3])],
    "T007": [("topics", TOPICS.replace(b"</top>", b"<querytime> now\n</top>"), [4])],
    "T006": [("topics", TOPICS + TOPICS.replace(b"51", b"052"), [6])],
    "Q001": [("qrels", QRELS + b"q3 0 d1 high\nq3 0 d2 nan\n", [4, 5])],
    "Q002": [("qrels", QRELS + b"q3 0 d1 1.0\n", [4]), ("qrels.tsv", BEIR + b"q3\td1\t2e0\n", [4])],
    "Q003": [("qrels", QRELS + b"q3 0 d1 0.5\n", [4])],
    "Q004": [("qrels", QRELS + b"q1 0 d1 0\n", [4])],
    "Q005": [("qrels", QRELS + b"q1 0 d1 1\n", [4]), ("qrels.tsv", BEIR + b"q1\td1\t1\n", [4])],
    "Q006": [("qrels", QRELS + b"q1 0 d3 -1\n", [4])],
    "Q007": [("qrels", QRELS + b"q3 0 d3 0\nq3 0 d4 -2\n", [4])],
    "Q008": [("qrels", b"q1 0 d1 0\nq2 0 d1 0\n", [])],
    "Q009": [("qrels.tsv", BEIR[BEIR.index(b"\n") + 1 :], [1])],
    "Q010": [("qrels", QRELS + b"q1 1 d1 1\n", [4])],
    "Q011": [("qrels", QRELS + b"q3 Q0 d1 1\nq4 Q0 d1 1\n", [4])],
    "Q012": [("qrels", b"# a\n# b\n" + QRELS, [2]), ("qrels", QRELS + b"# end\n", [4]), ("qrels", b" # in\n" + QRELS, [1])],
    "Q013": [("qrels", b"q1 0 d1 1\nq2 0 d1 2\n", []), ("qrels.tsv", b"query-id\tcorpus-id\tscore\nq1\td1\t1\n", [])],
    "R001": [("r", RUN + b"q3 Q0 d1 1 high t\nq3 Q0 d2 2 1_0 t\nq3 Q0 d3 3 1,5 t\n", [4, 5, 6])],
    "R002": [("r", RUN + b"q3 Q0 d1 1 nan t\nq3 Q0 d2 2 -Inf t\nq3 Q0 d3 3 1e39 t\n", [4, 5, 6]), ("r.json", b'{"q": {"d": NaN}}', [])],
    "R003": [("r", RUN + b"q1 Q0 d1 3 0.5 t\n", [4])],
    "R004": [("r", RUN + b"q1 Q0 d1 3 2.0 t\n", [4])],
    "R005": [("r", b"q1 Q0 d1 1 2 t\nq1 Q0 d2 2 1 t\nq1 Q0 d3 3 1.5 t\n", [3])],
    "R006": [("r", RUN + b"q3 Q0 d1 7 2 t\n", [4]), ("r", RUN + b"q3 Q0 d1 1 2 t\nq3 Q0 d2 3 1 t\n", [5]), ("r", b"q1 Q0 d1 0 2 t\nq1 Q0 d2 0 1 t\n", []), ("r", RUN + b"q3 Q0 d1 - 2 t\n", [4])],
    "R007": [("r", RUN + b"q3 Q0 d1 1 2 t\nq3 Q0 d2 1 1 t\n", [5]), ("marco.run", MARCO + b"q1\td3\t2\n", [3])],
    "R008": [("r", b"q1 Q0 d1 1 0.1 t\nq1 Q0 d2 2 0.2 t\nq2 Q0 d2 1 0.2 t\nq2 Q0 d3 2 0.3 t\nq2 Q0 d4 3 0.4 t\n", [])],
    "R009": [("r", b"q1 Q0 d1 0 0.1 t\nq1 Q0 d2 0 0.2 t\nq2 Q0 d2 0 0.2 t\nq2 Q0 d3 0 0.3 t\nq2 Q0 d4 0 0.4 t\n", [])],
    "R010": [("r", RUN + b"q1 Q0 d3 3 1.0 t\n", []), ("r.json", b'{"q1": {"d1": 2, "d2": 1, "d3": 1}}\n', [])],
    "R011": [("r", RUN + b"q3 Q0 d1 1 0.30000000001 t\nq3 Q0 d2 2 0.3 t\n", [5])],
    "R012": [("r", b"q1 Q0 d1 1 1 t\nq1 Q0 d2 2 1 t\nq2 Q0 d2 1 2 t\n", [])],
    "R013": [("r", RUN + b"q1 Q0 d3 3 0.5 t\n", [4])],
    "R014": [("r", RUN + b"q3 Q0 d3 1 0.5 u\nq3 Q0 d4 2 0.4 u\n", [4])],
    "R015": [("r", RUN + b"q3 x d3 1 0.5 t\n", [4])],
    "R016": [("r", RUN + b"q3 Q0 d3 1 0.5 my tag\n", [4])],
    "R017": [("marco.run", MARCO + b"q1\td3\tx\n", [3])],
    "R018": [("r.json", b'{"q1": {"d1": 2.0},\n"q2": {"d1": 1.0}\n', [3]), ("r.json", b'{"q1": {"d1": 1}, "q1": {"d2": 1}}', []), ("r.json", b'{"q1": {"d1": 1}, "q2": 3}', [])],
    "R019": [("r", RUN + b"q3 Q0 q3 1 0.5 t\n", [4])],
    "R020": [("r", RUN + b"q3 Q0 -1 1 -3.4028235e38 t\n", [4]), ("r", RUN + b"q3 Q0 d1 1 2 t\nq3 Q0 x 2 -3.4028e+38 t\nq3 Q0 -1 3 0.5 t\n", [5, 6]), ("r.json", b'{"q": {"a": 1, "-1": -3.4028234663852886e38}}', [])],
    "R021": [("marco.run", b"q1\td1\t9\nq1\td2\t5\nq2\td3\t7\n", [1, 3]), ("marco.run", MARCO + b"q1\td3\t2\n", [1])],
    "R022": [("c.jsonl", b'{"query": {"qid": "1"}, "candidates": [{"docid": "a", "score": 1}, {"docid": "b", "score": 2}]}\n', [1])],
}  # fmt: skip

ACROSS: dict[str, dict[str, bytes]] = {
    "X001": {"r": RUN + b"q3 Q0 d1 1 1 t\n", "qrels": QRELS},
    "X002": {"r": RUN, "qrels": QRELS + b"q3 0 d1 1\n"},
    "X003": {"r": RUN.replace(b"q", b"x"), "qrels": QRELS},
    "X004": {"r": RUN, "corpus.jsonl": CORPUS[: CORPUS.index(b"\n") + 1]},
    "X005": {"qrels": QRELS, "corpus.jsonl": CORPUS[: CORPUS.index(b"\n") + 1]},
    "X006": {"qrels": QRELS, "corpus.jsonl": CORPUS.replace(b'"d', b'"x')},
    "X007": {"qrels": QRELS, "queries.tsv": TSV[: TSV.index(b"\n") + 1]},
    "X008": {"qrels": QRELS, "corpus.jsonl": CORPUS.replace(b"d2", b"d002")},
    "X009": {"queries.tsv": TSV, "corpus.jsonl": CORPUS.replace(b"d1", b"q1")},
    "X010": {"r": RUN, "s": RUN.replace(b"2.0", b"0.5")},
    "X011": {"r": RUN, "s": RUN.replace(b"2.0", b"9.0").replace(b" t\n", b" u\n")},
    "X012": {"r": RUN, "qrels": QRELS.replace(b"d", b"e")},
}


def found(folder: Path, files: dict[str, bytes], kind: str | None = None):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return check_paths([folder / name for name in files], kind)


def codes(checked) -> set[str]:
    return {code for one in checked.findings for code in one.found}


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_file_has_no_finding(name: str, tmp_path: Path) -> None:
    checked = found(tmp_path, {name: CLEAN[name]})
    assert checked.rows() == []
    assert checked.files[0].kind, checked.files[0].summary()
    checked.raise_if_failed(strict=True)


CASES = [(code, *case) for code, cases in ONE.items() for case in cases]


@pytest.mark.parametrize(
    ("code", "name", "content", "lines"), CASES, ids=[f"{c[0]}-{c[1]}-{i}" for i, c in enumerate(CASES)]
)
def test_each_code_is_found_at_its_lines(code, name, content, lines, tmp_path: Path) -> None:
    one = found(tmp_path, {name: content}).files[0].findings
    assert code in one.found, list(one.rows())
    assert one.found[code].lines == lines
    assert all(row[4] for row in one.rows(every_line=True)), "every row says something"


@pytest.mark.parametrize("code", ACROSS)
def test_each_code_across_files_is_found(code: str, tmp_path: Path) -> None:
    assert code in codes(found(tmp_path, ACROSS[code]))


def test_every_code_has_an_input() -> None:
    assert {*ONE, *ACROSS, "X013"} == set(CODES)
    assert {c.severity for c in CODES.values()} == set(SEVERITIES)


def test_files_that_fit_together_have_no_finding(tmp_path: Path) -> None:
    files = {"r": RUN, "qrels": QRELS, "corpus.jsonl": CORPUS, "queries.jsonl": JSONL}
    assert found(tmp_path, files).rows() == []


def test_the_page_holds_the_registry() -> None:
    rows = [(name, c.severity, c.title, c.meaning, c.mended) for name, c in CODES.items()]
    lines = markdown_lines(["code", "severity", "finding", "meaning", "`--fix`"], rows)
    assert "\n".join([*lines, ""]) in (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")


def test_commas_in_a_text_make_no_table(tmp_path: Path) -> None:
    checked = found(tmp_path, {"x": b"q1\tferry,harbour,island\nq2\tankle,brace,knee\n"})
    assert [(f.kind, f.form) for f in checked.files] == [("queries", "TAB")] and not checked.rows()


def test_one_row_for_each_code_or_for_each_line(tmp_path: Path) -> None:
    bad = RUN + b"".join(b"q3 Q0 e%d 1 nan t\n" % i for i in range(9))
    checked = found(tmp_path, {"r": bad})
    assert checked.rows()[0] == (
        "R002",
        "error",
        "r:4",
        9,
        "the score is nan; also lines 5, 6, 7, 8 and 4 more",
    )
    each = [row for row in checked.rows(every_line=True) if row[0] == "R002"]
    assert [row[2] for row in each] == [f"r:{n}" for n in range(4, 13)]
    with pytest.raises(CheckFailed, match="1 file, 1 error"):
        checked.raise_if_failed()


def test_scores_that_disagree_with_the_ranks_are_told_apart(tmp_path: Path) -> None:
    run = b"q1 Q0 d1 1 2 t\nq1 Q0 d2 2 1.00000001 t\nq1 Q0 d3 3 1.00000002 t\n"
    (row,) = [row for row in found(tmp_path, {"r": run}).rows() if row[0] == "R005"]
    assert "rank 3 has score 1.00000002, rank 2 only 1.00000001" in str(row)


def test_warnings_fail_only_when_strict(tmp_path: Path) -> None:
    checked = found(tmp_path, {"r": b"\n" + RUN})
    checked.raise_if_failed()
    with pytest.raises(CheckFailed):
        checked.raise_if_failed(strict=True)


def test_a_folder_is_checked_as_one(tmp_path: Path) -> None:
    checked = check_paths([write_beir(tmp_path / "b")])
    assert [f.label for f in checked.files] == [
        "b/corpus.jsonl",
        "b/queries.jsonl",
        "b/qrels/test.tsv",
        "b/qrels/train.tsv",
    ]
    assert [row[0] for row in checked.rows()] == ["C004", "Q013"]


def test_an_id_in_two_files_of_a_corpus_is_found(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(
            b'{"id": "d1", "contents": "x"}\n{"id": "%s", "contents": "y"}\n' % name.encode()
        )
    rows = check_paths([tmp_path]).rows()
    assert [(r[0], r[4]) for r in rows] == [("X013", "1 id in both: d1")]


def test_a_collection_is_checked_as_one(small) -> None:
    assert codes(check_paths([small.path])) == {"C004", "Q013"}


def test_a_run_is_held_against_the_set_that_it_answers(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"q1 Q0 d1 1 2 t\nq2 Q0 d2 1 2 t\nq3 Q0 d3 1 1 t\n")
    assert codes(check_paths([write_beir(tmp_path / "b"), tmp_path / "r"])) == {"C004", "Q013"}


def test_a_folder_may_have_blanks_in_ids_that_the_import_encodes(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "b")
    for name in ("corpus.jsonl", "qrels/test.tsv", "qrels/train.tsv"):
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(
            text.replace("d1", "d 1").replace("d2", "d 2").replace("d3", "d 3"), "utf-8"
        )
    checked = check_paths([folder])
    assert codes(checked) == {"C004", "I002", "Q013"}
    checked.raise_if_failed()


@pytest.mark.parametrize(
    "content",
    [
        b"301 num_ret 967.0000 169.17\n301 map 0.5 0.25\n",
        b"map\tall\t0.25\nP_5\tall\t0.2\nnum_q\tall\t3\n",
        b'{"mean": 0.2, "map": 0.3}\n',
        b"a,b,c\n1,2,3\n",
    ],
)
def test_what_is_none_of_the_four_kinds_is_said(content: bytes, tmp_path: Path) -> None:
    assert codes(found(tmp_path, {"x": content})) & {"F014", "T001"}


def test_the_kind_can_be_named(tmp_path: Path) -> None:
    assert found(tmp_path, {"x": MARCO}, "qrels").files[0].kind == "qrels"
    assert found(tmp_path, {"x": JSONL}, "corpus").files[0].kind == "corpus"
    assert codes(found(tmp_path, {"x": RUN}, "qrels")) >= {"F013"}


def test_what_is_not_there_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not found"):
        check_paths([tmp_path / "nothing"])


def test_a_broken_gzip_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    rows = b"".join(b"q1 Q0 d%d %d %d t\n" % (i, i, -i) for i in range(1, 200_000)).replace(
        b"t\n", b"t\nbad\n", 1
    )
    one = found(tmp_path, {"r.gz": gzip.compress(rows)[:-100]}).files[0]
    assert {"F005", "F013"} <= set(one.findings.found) and one.findings.found["F013"].lines == [2]


def test_pieces_of_a_large_file_are_one_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("intrex.data.check.lines._PIECE", 64)
    rows = [b"q%d Q0 d%d 1 1 t" % (i, i) for i in range(50)]
    rows[17], rows[33] = b"# comment", b"q33 Q0 d 1 x t"
    one = found(tmp_path, {"r": b"\r\n".join(rows)}).files[0].findings
    assert {c: f.lines for c, f in one.found.items()} == {
        "F003": list(range(1, 50)),
        "F007": [50],
        "F010": [18],
        "R001": [34],
    }


def test_stdin_is_checked(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "intrex.cli", "check", "-", "--format", "jsonl"],
        input=RUN + b"x\n",
        capture_output=True,
    )
    assert said.returncode == 3 and json.loads(said.stdout)["where"] == "stdin:4"


def test_an_unknown_kind_is_a_usage_error(intrex, tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(RUN)
    said = intrex(f"check {tmp_path}/r --as rnu")
    assert said.code == UsageError.exit_code and "run" in said.err


def test_real_cacm_judgements_are_spelled_without_zeros(shared: Path) -> None:
    folder = shared / "trec-eval-fixtures" / "cacm-anserini"
    checked = check_paths([folder / "qrels.cacm.txt", shared / "cacm"])
    text = next(row for row in checked.rows() if row[0] == "X008")
    assert text[1:] == (
        "error",
        "qrels.cacm.txt and cacm/corpus.jsonl",
        46,
        "46 of 46 unknown document ids match without leading zeros: CACM-115 is CACM-0115",
    )
    assert "X005" in codes(checked)


@pytest.mark.parametrize("name", ["scifact", "cranfield", "lareqa-xl", "limit-small"])
def test_real_collections_have_no_error(name: str, shared: Path) -> None:
    check_paths([shared / name]).raise_if_failed()


def test_real_runs_have_no_error(shared: Path) -> None:
    folder = shared / "trec-eval-fixtures" / "trec_eval"
    checked = check_paths([folder / "results.test", folder / "qrels.test.with-comments"])
    assert codes(checked) == {"F010", "R010"}
    assert codes(check_paths([folder / "results.trunc"])) >= {"R016"}
