"""Code search over the running Python's own standard library.

A document is the source of one function or class, found at any depth, with every docstring in it removed; its title
is the module path and the qualified name (``json.decoder JSONDecoder.decode``). A query is the first paragraph of a
docstring; relevant is each object that carries that paragraph. Objects without a usable docstring are distractors.

Left out are tests, bundled packages, modules generated on the machine, and files that no import can name (those in
``site-packages``, for one). Files that do not parse are left out and counted in the collection's origin.
"""

from __future__ import annotations

import hashlib
import platform
import sysconfig
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from intrex.data.builders.python_source import CodeObject, find_modules, parse_module
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.progress import Progress
from intrex.data.writer import CollectionWriter, RecordSource, write_collection

BOUNDS = {"train": 60, "dev": 70, "test": 100}
"""End of each split, in percent of the queries."""


@dataclass(frozen=True)
class _Library:
    objects: list[CodeObject]
    modules: int
    unparsed: int
    sha256: str


def build_stdlib(
    out: Path,
    *,
    sample: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    root: Path | None = None,
    progress: Progress | None = None,
) -> Collection:
    """Build the collection at ``out``; the same sources, sample and seed give the same fingerprint.

    Args:
        out: the folder to make.
        sample: keep this many documents, and the queries and judgements that concern them; all of them when there
            are no more. A larger sample of the same seed contains the smaller one, and query ids and splits are
            those of the whole collection.
        seed: chooses the sample.
        overwrite: replace an existing collection.
        root: folder of the library's modules; that of the running Python when None.
        progress: called with the number of modules just read.

    Returns:
        The collection ``stdlib`` or ``stdlib-<sample>`` with the query sets train, dev and test. A very small
        sample or library may lack some of them.

    Raises:
        UsageError: the sample is smaller than one document.
        BadInput: there is no function or class below ``root``.
        IntrexError: the output exists.
    """
    if sample is not None and sample < 1:
        raise UsageError(f"a sample of {sample} documents cannot be built", "give --sample a number from 1")
    folder = root or Path(sysconfig.get_paths()["stdlib"])
    library = _read(folder, progress)
    if not library.objects:
        raise BadInput(
            f"no function or class found below {folder}", "a Python with its library as .py files is needed"
        )
    ids = _sample(library.objects, sample, seed)
    origin = {
        "builder": "stdlib",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sample": sample,
        "seed": None if sample is None else seed,
        "modules": library.modules,
        "unparsed": library.unparsed,
        "sources_sha256": library.sha256,
    }
    name = "stdlib" if sample is None else f"stdlib-{sample}"
    return write_collection(out, name, origin, lambda w: _fill(w, library.objects, ids), overwrite=overwrite)


def _read(root: Path, progress: Progress | None) -> _Library:
    objects: list[CodeObject] = []
    unparsed = 0
    digest = hashlib.sha256()
    modules = find_modules(root)
    for name, path in modules.items():
        raw = path.read_bytes()
        digest.update(f"{name} {len(raw)}\n".encode())
        digest.update(raw)
        try:
            objects += parse_module(name, raw)
        except (SyntaxError, ValueError, RecursionError):
            unparsed += 1
        if progress is not None:
            progress(1)
    return _Library(objects, len(modules), unparsed, digest.hexdigest())


def _sample(objects: list[CodeObject], size: int | None, seed: int) -> set[str]:
    ids = [o.id for o in objects]
    if size is None:
        return set(ids)
    return set(sorted(ids, key=lambda i: hashlib.sha256(f"{seed}:{i}".encode()).digest())[:size])


def _fill(writer: CollectionWriter, objects: list[CodeObject], ids: set[str]) -> None:
    """Write the documents ``ids``, their queries and judgements; ids and splits follow from all objects."""
    carriers: dict[str, list[CodeObject]] = {}
    for o in objects:
        if o.id in ids:
            writer.document(o.id, f"{o.module} {o.name}", o.text, RecordSource(o.module, o.line))
        if o.paragraph:
            carriers.setdefault(o.paragraph, []).append(o)
    queries = {text: relevant for text, relevant in carriers.items() if any(o.id in ids for o in relevant)}
    for text, (o, *_) in queries.items():
        writer.query(f"q:{o.id}", text, RecordSource(o.module, o.line))
    split_of = assign_splits({text: [o.module for o in relevant] for text, relevant in carriers.items()})
    rows = [(split_of[text], text, o) for text, relevant in queries.items() for o in relevant if o.id in ids]
    check_disjoint(rows)
    for split, text, o in rows:
        writer.judgement(split, f"q:{queries[text][0].id}", o.id, 1, RecordSource(o.module, o.line))


def assign_splits(modules_of: dict[str, list[str]]) -> dict[str, str]:
    """Return the split of each query text, given the modules of its relevant objects.

    Modules that share a text form a group. The groups are put in the order of the sha256 of their smallest module
    name, and cut where 60 and 70 % of the queries are reached; a group goes where its middle falls, so that a
    large one shifts a border by half its size at most.
    """
    group_of = _groups(modules_of.values())
    sizes = Counter(group_of[modules[0]] for modules in modules_of.values())
    split_of: dict[str, str] = {}
    assigned = 0
    for group in sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest()):
        middle = 100 * (assigned + sizes[group] / 2) / len(modules_of)
        split_of[group] = next(split for split, end in BOUNDS.items() if middle < end)
        assigned += sizes[group]
    return {text: split_of[group_of[modules[0]]] for text, modules in modules_of.items()}


def _groups(shared: Iterable[list[str]]) -> dict[str, str]:
    """Return each module's group, named by the group's smallest module (union-find)."""
    parent: dict[str, str] = {}

    def find(module: str) -> str:
        while parent.setdefault(module, module) != module:
            parent[module] = module = parent[parent[module]]
        return module

    for modules in shared:
        for module in modules:
            low, high = sorted((find(modules[0]), find(module)))
            parent[high] = low
    return {module: find(module) for module in parent}


def check_disjoint(rows: Iterable[tuple[str, str, CodeObject]]) -> None:
    """Raise `IntrexError` if a query text, a relevant object or its module is in two splits.

    Args:
        rows: the judgements: split, query text, relevant object.
    """
    splits: dict[tuple[str, str], str] = {}
    for split, text, o in rows:
        for kind, value in (("query text", text), ("document", o.id), ("module", o.module)):
            if (first := splits.setdefault((kind, value), split)) != split:
                raise IntrexError(f"the splits {first} and {split} share the {kind} {value!r}")
