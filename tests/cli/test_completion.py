"""Completion by the shell: what TAB offers, by the protocol that the installed script of bash speaks."""

import os
import subprocess
import sys

import pytest

from intrex.data.options import options_of
from intrex.encoders.training.options import KINDS
from intrex.eval.overlap.options import KINDS as FLAGS
from intrex.retrievers.options import index_kinds, search_options


def complete(line: str) -> list[str]:
    """Return what is offered at the end of a line; no word is begun where it ends with a blank."""
    words = len(line.split()) - (not line.endswith(" "))
    setting = {"_INTREX_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(words)}
    done = subprocess.run(
        [sys.executable, "-c", "from intrex.cli.app import main; main()"],
        env={**os.environ, **setting}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("name", ["engine", "scoring", "tie_order"])
def test_choices_of_a_search_are_those_of_all_kinds_of_indexes(name: str) -> None:
    choices = {str(choice) for _, option in search_options()[name] for choice in option.choices}
    assert set(complete(f"intrex search i --{name.replace('_', '-')} ")) == choices


def test_choices_of_a_build_are_those_of_its_kind() -> None:
    for name, key in (("bm25", "engine"), ("dense", "engine"), ("multivector", "store")):
        declared = options_of(index_kinds()[name].build)[key]
        assert complete(f"intrex index {name} c i --{key} ") == [str(choice) for choice in declared.choices]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("intrex sea", ["search"]),
        ("intrex train ", list(KINDS)),
        ("intrex train m", ["multivector"]),
        ("intrex index dense c i --engine h", ["hnsw", "hnsw-sq8"]),
        ("intrex experiment generalize c --protocol ", ["resttest", "restrain"]),
        ("intrex evaluate q r --as trec", ["trec_eval9", "trec_eval10"]),
        ("intrex evaluate q r --format m", ["md"]),
        ("intrex evaluate q r -m nD", ["nDCG", "nDCG_rel"]),
        ("intrex compare q r --test t", ["t", "tukey"]),
        ("intrex overlap a b --flag ", list(FLAGS)),
        ("intrex fuse a b --format ", ["trec", "msmarco", "json"]),
        ("intrex collection import x --layout b", ["beir"]),
    ],
)
def test_what_is_offered(line: str, offered: list[str]) -> None:
    assert complete(line) == offered
