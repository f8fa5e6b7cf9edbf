"""``--as trec_eval9`` and ``--as trec_eval10`` against the programs themselves, byte for byte.

They are looked for on the PATH, or where INTREX_TREC_EVAL9 and INTREX_TREC_EVAL10 say.
"""

from pathlib import Path

import pytest

from tests.differential import tools
from tests.differential.adversarial import make, write

TREC_OPTIONS = [
    "-q -m all_trec",
    "-q -c -m all_trec",
    "-q -c -l2 -m all_trec",
    "-q -c -l 3 -M3 -m all_trec",
    "-q -c -J -M4 -m map -m ndcg -m P -m bpref -m infAP -m set_F -m num_rel -m relstring -m utility.1,-1,0.5,0",
    "-q -c -m yaap -m utility.2,-1,0.5,0 -m set_F.0.5 -m ndcg.1=3,2=9,0=1 -m 11pt_avg.0.2,0.5 -m P.1,2,3 -m map_cut.2,4 "
    "-m Rprec_mult.0.1,1.7 -m iprec_at_recall.0.125,0.3",
    "-q -c -n -m ndcg.1=-2,2=9,0=1 -m G -m Rndcg",
    "-c -m official",
]


@pytest.mark.parametrize("options", TREC_OPTIONS)
@pytest.mark.parametrize("version", ["9", "10"])
def test_trec_eval_byte_for_byte(version: str, options: str, tmp_path: Path, intrex) -> None:
    for seed in range(4):
        one = write(tmp_path / str(seed), *make(seed, missing=seed > 0))
        theirs = tools.trec_eval(version, one, *options.split())
        ours = intrex(
            f"evaluate {options} --as trec_eval{version} --format trec {one.qrels_file} {one.run_file}"
        )
        if theirs.returncode:
            assert ours.code == 1 and "trec_eval 10.0 stops" in ours.err, seed
        else:
            assert ours.code == 0 and ours.out == theirs.stdout, seed


@pytest.mark.parametrize("version", ["9", "10"])
@pytest.mark.parametrize(("first", "second"), [(-1, 1), (1, -1), (1, -2), (-2, 0)])
def test_trec_eval_and_queries_without_a_grade(
    version: str, first: int, second: int, tmp_path: Path, intrex
) -> None:
    ranked = {"a": 2.0, "b": 1.0}
    one = write(tmp_path, {"q1": {"a": first}, "q2": {"b": second}}, {"q1": ranked, "q2": ranked})
    for options in ("-q -m all_trec", "-q -c -m all_trec", "-m map"):
        theirs = tools.trec_eval(version, one, *options.split())
        ours = intrex(
            f"evaluate {options} --as trec_eval{version} --format trec {one.qrels_file} {one.run_file}"
        )
        if theirs.returncode:
            assert ours.code == 1 and "trec_eval stops with an error or crashes here: query q" in ours.err
        else:
            assert ours.code == 0 and ours.out == theirs.stdout


@pytest.mark.parametrize("version", ["9", "10"])
def test_where_trec_eval_prints_nan_we_refuse(version: str, tmp_path: Path, intrex) -> None:
    one = write(tmp_path, {"q": {"a": 1}}, {"q": {"b": 1.0}})
    assert "nan" in tools.trec_eval(version, one, "-J", "-miprec_at_recall").stdout
    said = intrex(
        f"evaluate -J -m iprec_at_recall --as trec_eval{version} --format trec {one.qrels_file} {one.run_file}"
    )
    assert (
        said.code == 1
        and "trec_eval divides zero by zero in iprec_at_recall_0.00" in said.err
        and "query q " in said.err
    )
