"""Importing streams: three times the text must not take three times the memory."""

import gzip
import json
import subprocess
import sys

import pytest

IMPORT = """
import resource, sys
from pathlib import Path
from intrex.data.importers.sources import import_collection
made = import_collection(sys.argv[1], Path(sys.argv[2]))
status = Path("/proc/self/status")  # Linux: ru_maxrss would count what the parent had at the fork
if status.exists():
    peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(made.n_documents, peak)
"""
FEW, MANY = 20_000, 60_000  # fewer would not fill the buffers, and the first fill would look like growth
TEXT = "words of a document " * 110
PER_DOCUMENT = (
    64  # bytes: 16 for the id, 8 for the offset, and copies of both while they are sorted and saved
)
NOISE = 12 << 20


def beir(n):
    return (json.dumps({"_id": f"d{i}", "title": "t", "text": TEXT}) + "\n" for i in range(n))


def array(n):
    return (
        ("," if i else "[") + json.dumps({"id": f"d{i}", "contents": TEXT}) + "]" * (i == n - 1)
        for i in range(n)
    )


def tsv(n):
    return (f"{i}\t{TEXT}\n" for i in range(n))


LAYOUTS = {"corpus.jsonl.gz": beir, "docs.json.gz": array, "collection.tsv.gz": tsv}


@pytest.mark.parametrize(
    "name",
    [name if name.startswith("corpus") else pytest.param(name, marks=pytest.mark.slow) for name in LAYOUTS],
)
def test_memory_grows_by_some_bytes_a_document_and_not_by_its_text(tmp_path, name):
    peak = {}
    for n in (FEW, MANY):
        source = tmp_path / str(n)
        source.mkdir()
        with gzip.open(source / name, "wt", compresslevel=1) as stream:
            stream.writelines(LAYOUTS[name](n))
        command = [sys.executable, "-c", IMPORT, str(source), str(tmp_path / f"out-{n}")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        count, peak[n] = map(int, done.stdout.split())
        assert count == n
    grown = peak[MANY] - peak[FEW]
    assert grown < (MANY - FEW) * PER_DOCUMENT + NOISE, f"{grown:,} bytes more for {MANY - FEW:,} documents"
    assert (MANY - FEW) * len(TEXT) > 5 * ((MANY - FEW) * PER_DOCUMENT + NOISE), "the test would show nothing"
