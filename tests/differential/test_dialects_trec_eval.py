"""``--as trec_eval9`` and ``--as trec_eval10`` against the programs themselves, byte for byte.

They are looked for on the PATH, or where INTREX_TREC_EVAL9 and INTREX_TREC_EVAL10 say.
"""

from pathlib import Path

import numpy as np
import pytest

from tests.differential import tools
from tests.differential.adversarial import Case, make, write
from tests.support.trec_eval import printed
from tests.support.trec_eval import write as write_pair

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
FLAGS = {"-q": 0.7, "-c": 0.7, "-J": 0.4, "-n": 0.2, "-M2": 0.2, "-l 2": 0.2, "-N 123456": 0.3}
MEASURES = [
    "runid", "num_q", "num_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank", "infAP", "gm_bpref",
    "yaap", "set", "num_nonrel_judged_ret", "official", "all_trec", "iprec_at_recall",
    "iprec_at_recall.0.05,.25,1", "11pt_avg", "11pt_avg.0.5,1,.25,0", "P", "P.1,3", "P.7", "relstring",
    "relstring.1", "relstring.20", "relstring.2.7", "utility", "utility.2,-1.5,0.5,0",
    "utility.1,-1,-0.3,0.25", "ndcg", "ndcg.0=1,1=5,2=9,3=20", "set_F", "set_F.0.5", "Rprec_mult.0.1,1.7",
    "success", "map_cut.3", "ndcg_cut.2,7", "relative_P.4",
]  # fmt: skip


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
def test_where_trec_eval_prints_nan_so_do_we(version: str, tmp_path: Path, intrex) -> None:
    one = write(tmp_path, {"q": {"a": 1}}, {"q": {"b": 1.0}})
    theirs = tools.trec_eval(version, one, "-J", "-miprec_at_recall").stdout
    said = intrex(
        f"evaluate -J -m iprec_at_recall --as trec_eval{version} --format trec {one.qrels_file} {one.run_file}"
    )
    assert said.code == 0 and said.out == theirs and "-nan" in theirs


@pytest.mark.parametrize(
    ("version", "options", "name", "text"),
    list(printed()),
    ids=lambda value: value.replace("\n", " ")[:60],
)
def test_what_was_written_down_is_what_the_program_prints(
    version: str, options: str, name: str, text: str, tmp_path: Path
) -> None:
    one = Case(*write_pair(tmp_path, name), {}, {})
    assert tools.trec_eval(version, one, *options.split()).stdout == text


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("version", ["9", "10"])
def test_command_lines_at_random(version: str, seed: int, tmp_path: Path, intrex) -> None:
    random = np.random.default_rng([seed, int(version)])
    high = int(random.choice([1, 3, 12]))
    one = write(tmp_path, *make(seed, 5, high=high, extra=bool(seed % 2), empty=seed % 3 == 0, long=False))
    options = [flag for flag, share in FLAGS.items() if random.random() < share]
    options += [f"-m {random.choice(MEASURES)}" for _ in range(int(random.integers(0, 5)))]
    if "-n" in options and "-q" not in options:
        options.remove("-n")
    line = " ".join(options)
    theirs = tools.trec_eval(version, one, *line.split())
    ours = intrex(f"evaluate {line} --as trec_eval{version} --format trec {one.qrels_file} {one.run_file}")
    if theirs.returncode:
        assert ours.code in (1, 2), line
    else:
        assert ours.code == 0 and ours.out == theirs.stdout, line
