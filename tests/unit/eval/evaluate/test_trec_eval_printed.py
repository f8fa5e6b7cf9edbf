"""``--as trec_eval9`` and ``--as trec_eval10``, byte for byte what the programs printed, and what is said beside it."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from intrex.eval.dialects.arguments import first_parameters
from tests.support.trec_eval import printed, write

PRINTED = list(printed())


@pytest.fixture
def line(tmp_path: Path) -> Callable[[str, str], str]:
    def build(options: str, name: str) -> str:
        return " ".join(["evaluate", options, *map(str, write(tmp_path, name))])

    return build


@pytest.mark.parametrize(
    ("version", "options", "name", "text"), PRINTED, ids=[f"{v} {o} {n}" for v, o, n, _ in PRINTED]
)
def test_what_trec_eval_printed(version: str, options: str, name: str, text: str, line, intrex) -> None:
    said = intrex(line(f"{options} --as trec_eval{version} --format trec", name))
    assert said.code == 0 and said.out == text


@pytest.mark.parametrize(
    ("version", "measures", "queries"),
    [
        ("9", "iprec_at_recall_0.00", "1 query (q3)"),
        (
            "10 -c",
            "iprec_at_recall_0.00, iprec_at_recall_0.10, iprec_at_recall_0.20 ...",
            "2 queries (q1, q3)",
        ),
    ],
)
def test_a_note_names_what_is_divided_by_zero(
    version: str, measures: str, queries: str, line, intrex
) -> None:
    said = intrex(line(f"-J --format trec --as trec_eval{version}", "missing"))
    tool = f"trec_eval{version.split()[0]}"
    assert f"note: {tool} divides zero by zero in {measures} for {queries}: these values" in said.err
    assert "divides" not in intrex(line(f"--format trec --as trec_eval{version}", "missing")).err


def test_no_number_is_null_in_json(line, intrex) -> None:
    said = intrex(line("-J --as trec_eval9 -m iprec_at_recall.0 -m map --format jsonl -q", "missing"))
    values = {(row["query"], row["measure"]): row["value"] for row in map(json.loads, said.out.splitlines())}
    assert values["q3", "IPrec@0"] is values["all", "IPrec@0"] is None
    assert values["q2", "IPrec@0"] == 1 and values["all", "AP"] == pytest.approx(1 / 6)


@pytest.mark.parametrize("tool", ["trec_eval9", "trec_eval10"])
def test_what_is_divided_by_zero_is_not_explained(tool: str, line, intrex) -> None:
    said = intrex(line(f"-J -c -m iprec_at_recall.0 --explain-diff {tool}", "missing"))
    assert said.code == 1 and f"{tool} divides zero by zero in IPrec@0 here: query q" in said.err


def test_texts_alone_are_enough_where_they_are_printed(line, intrex) -> None:
    assert intrex(line("-q -m relstring.2 --format trec", "missing")).out.splitlines()[1].endswith("q2\t'-1'")
    assert intrex(line("-m runid --format trec", "missing")).out == "runid                 \tall\tt\n"
    for options in (
        "-m runid --format csv",
        "-m relstring --as trec_eval9",
        "-m runid --format trec --scores s",
    ):
        said = intrex(line(options, "missing"))
        assert said.code == 2 and "no measure is named" in said.err
    said = intrex(line("-m runid --as trec_eval10 --format trec", "missing"))
    assert said.code == 1 and "trec_eval 10.0 stops with an error here: judged query q1" in said.err


def test_a_query_that_stops_trec_eval_does_not_stop_it_at_the_runid(tmp_path: Path, intrex) -> None:
    (tmp_path / "q").write_text("q 0 a -1\n")
    (tmp_path / "r").write_text("q Q0 a 1 1 t\n")
    files = f"{tmp_path / 'q'} {tmp_path / 'r'} --as trec_eval9 --format trec"
    assert intrex(f"evaluate -m runid -m num_q {files}").out.splitlines()[0].endswith("all\tt")
    said = intrex(f"evaluate -q -m relstring {files}")
    assert said.code == 1 and "query q has no judgement of grade 0 or above" in said.err


def test_the_size_of_the_collection(line, intrex) -> None:
    ours = intrex(line("-q -N 1000 -m utility.1,-1,-0.5,0.25 --format csv", "whole"))
    assert ours.code == 0 and "Utility(docs=1000,miss=-0.5,rest=0.25),250.25," in ours.out.splitlines()[
        1
    ].replace('"', "")
    spelt = intrex(
        line(
            "-q -m Utility(docs=1000,miss=-0.5,rest=0.25) --format csv".replace("(", "\\(").replace(
                ")", "\\)"
            ),
            "whole",
        )
    )
    assert spelt.out == ours.out
    said = intrex(line("-m utility.1,-1,-0.5,0.25", "whole"))
    assert (
        said.code == 2 and "needs the number of documents in the collection" in said.err and "-N" in said.err
    )
    plain = [intrex(line(f"{size} -m map -m utility --format csv", "whole")).out for size in ("", "-N 1000")]
    assert plain[0] == plain[1] != ""
    assert intrex(line("-N -5 -m map", "whole")).code == 2


def test_first_parameters() -> None:
    texts = ["P", "P.10", "ndcg", "P.5", "nDCG@10", "P_20", "map", "relstring.3", "relstring"]
    expected = ["P.10", "P.10", "ndcg", "P.10", "nDCG@10", "P_20", "map", "relstring.3", "relstring.3"]
    assert first_parameters(texts) == (expected, ["P.5"])


def test_a_note_names_the_parameters_that_trec_eval_leaves_out(
    line, intrex, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    given = "-m P.5 -m P.10 -m P_3"
    said = intrex(line(f"{given} --as trec_eval9 --format csv", "whole"))
    assert [row.split(",")[1] for row in said.out.splitlines()[1:]] == ["P@5", "P@3"]
    assert caplog.messages == [
        "P.10 is left out: trec_eval9 keeps the parameters that a measure is given first"
    ]
    for ours in ("--format csv", "--format csv --explain-diff trec_eval9"):
        said = intrex(line(f"{given} {ours}", "whole"))
        assert said.code == 0
    assert intrex(line(f"{given} --format trec", "whole")).out.count("P_") == 3
    assert len(caplog.messages) == 1


def test_two_measures_that_trec_eval_10_keeps_one_list_of_gains_for(line, intrex) -> None:
    said = intrex(line("-m dcg -m ndcg.1=3 --as trec_eval10", "whole"))
    assert said.code == 2 and "trec_eval 10.0 crashes over dcg and ndcg together" in said.err
    for measures in ("-m dcg -m ndcg", "-m dcg.1=3 -m map", "-m dcg.1=3 -m ndcg_cut.5"):
        assert intrex(line(f"{measures} --as trec_eval10", "whole")).code == 0


@pytest.mark.parametrize("rules", ["--as trec_eval9", "--as pytrec_eval", "", "--ties f32-file"])
def test_scores_beyond_float32_are_refused_where_they_are_compared_so(rules: str, line, intrex) -> None:
    said = intrex(line(f"-m recip_rank {rules}", "wide"))
    assert said.code == 1 and "the score 2e+39 is not a finite float32 number (run:1)" in said.err


@pytest.mark.parametrize("rules", ["--as ranx", "--ties f64-docid-desc"])
def test_scores_beyond_float32_where_float64_is_compared(rules: str, line, intrex) -> None:
    assert ",0.75," in intrex(line(f"-m RR {rules} --format csv", "wide")).out


def test_a_wide_run_without_a_judged_query_says_so(line, tmp_path: Path, intrex) -> None:
    command = line("-m map --as trec_eval10 -c", "wide")
    (tmp_path / "run").write_text("x Q0 a 1 1e39 t and more\n")
    said = intrex(command)
    assert (
        said.code == 1 and "has none of the 2 judged queries" in said.err and "its queries are x" in said.err
    )


def test_a_json_run_beyond_float32(line, tmp_path: Path, intrex) -> None:
    command = line("-m RR --ties f64-docid-desc --format csv", "wide")
    (tmp_path / "run").write_text('{"q1": {"a": 2e39, "u": 1e39}, "q2": {"u": -1e39, "b": -1e300}}')
    assert ",0.75," in intrex(command).out
    (tmp_path / "run").write_text('{"q1": {"a": 1e400}}')
    assert "the score of 'a' is inf, a finite number is needed" in intrex(command).err
    assert "a finite float32 number" in intrex(command.replace("f64", "f32")).err


@pytest.mark.parametrize(
    ("options", "named"),
    [("-D 1", "trec_eval's -D"), ("-T prefs", "trec_eval's -T prefs"), ("-n -m map", "--no-summary")],
)
def test_options_of_trec_eval_that_are_refused_by_name(options: str, named: str, line, intrex) -> None:
    said = intrex(line(f"{options} --format trec", "whole"))
    assert said.code == 2 and not said.out and named in said.err
    assert intrex(line("-T trec_results -R qrels -m map --format trec", "whole")).code == 0


def test_trec_eval9_reads_over_comments_and_blank_lines(tmp_path: Path, intrex) -> None:
    """It stops there itself; that intrex does not is documented."""
    qrels, run = write(tmp_path, "whole")
    text = run.read_text()
    plain = intrex(f"evaluate -q --as trec_eval9 --format trec {qrels} {run}")
    first, rest = text.split("\n", 1)
    run.write_text(f"# c\n{first}\n\n# d\n{rest}\n")
    said = intrex(f"evaluate -q --as trec_eval9 --format trec {qrels} {run}")
    assert said.code == 0 and said.out == plain.out and plain.out.count("\n") > 90


def test_a_query_without_any_judged_document_stays_in_the_mean_under_j(intrex, tmp_path: Path) -> None:
    """As trec_eval's -J has it; pyserini's -remove-unjudged would leave t2 out, and Judged@5 would be 1."""
    (tmp_path / "q").write_text("t1 0 x9 1\nt2 0 zz 1\n")
    (tmp_path / "r").write_text("t1 Q0 x9 1 2.0 A\nt2 Q0 yy 1 2.0 A\n")
    for options in ("-J", "-J --no-complete", "-J --as trec_eval9"):
        said = intrex(f"evaluate {tmp_path}/q {tmp_path}/r {options} -m AP --format csv")
        assert [line.split(",")[1:4] for line in said.out.splitlines()[1:]] == [["AP", "0.5", "2"]]
    said = intrex(f"evaluate {tmp_path}/q {tmp_path}/r -J --no-complete -m Judged@5 --format csv")
    assert said.out.splitlines()[1].split(",")[1:4] == ["Judged@5", "0.5", "2"]
