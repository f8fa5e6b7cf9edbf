"""Names of BEIR's own data sets, and the checksums that BEIR publishes."""

from __future__ import annotations

import re

from intrex.data.errors import UsageError, nearest_name

# The md5 of each zip file, from the table "Available Datasets" in the README of beir 2.2.0 (also in the package's
# metadata); the catalogue of ir_datasets 0.6.3 states the same sums for the same addresses.
BEIR_MD5 = {
    "arguana": "8ad3e3c2a5867cdced806d6503f29b99",
    "climate-fever": "8b66f0a9126c521bae2bde127b4dc99d",
    "cqadupstack": "4e41456d7df8ee7760a7f866133bda78",
    "dbpedia-entity": "c2a39eb420a3164af735795df012ac2c",
    "fever": "5a818580227bfb4b35bb6fa46d9b6c03",
    "fiqa": "17918ed23cd04fb15047f73e6c3bd9d9",
    "hotpotqa": "f412724f78b0d91183a0e86805e16114",
    "msmarco": "444067daf65d982533ea17ebd59501e4",
    "nfcorpus": "a89dba18a62ef92f7d323ec890a0d38d",
    "nq": "d4d3d2e48787a744b6f6e691ff534307",
    "quora": "18fb154900ba42a600f84b839c173167",
    "scidocs": "38121350fc3a4d2f48850f6aff52e4a9",
    "scifact": "5f7d1de60b170fc8027bb7898e2efca1",
    "trec-covid": "ce62140cb23feb9becf6270d0d1fe6d1",
    "webis-touche2020": "46f650ba5a527fc69e0a6521c5a23563",
}
FORUMS = (
    "android", "english", "gaming", "gis", "mathematica", "physics",
    "programmers", "stats", "tex", "unix", "webmasters", "wordpress",
)  # fmt: skip
"""CQADupStack is twelve collections in one zip file: ``cqadupstack`` is their group, ``cqadupstack/FORUM`` one of them."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)?")


def beir_names() -> list[str]:
    """List the names that `fetch_beir` has a checksum for."""
    parts = [f"cqadupstack/{forum}" for forum in FORUMS]
    return sorted([*BEIR_MD5, *parts])


def check_name(name: str) -> None:
    """Raise `UsageError` for a name that cannot be one."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"no name of a BEIR data set: {name!r}", nearest_name(name, beir_names()))
