"""A jaccard index: the words of each document, as JSON."""

import json
import re
from pathlib import Path

import numpy as np

from intrex.data.collection import Collection, Queries
from intrex.data.ids import IdTable, IdWriter
from intrex.data.io.files import fingerprint
from intrex.data.run import Run
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest, read_manifest
from intrex.retrievers.base import Index, RunBuilder, tie_rank, top_k
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex_jaccard.options import JaccardBuild, JaccardSearch

REBUILD = "intrex index jaccard COLLECTION OUT --overwrite"


def words(text: str, least: int) -> set[str]:
    """Cut a text into its different words of at least so many letters."""
    return {word for word in re.findall(r"\w+", text.lower()) if len(word) >= least}


class JaccardIndex(Index):
    """The words of a collection's documents."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.ids = IdTable(path)
        self._words = [set(one) for one in json.loads((path / "words.json").read_text("utf-8"))]

    @classmethod
    def open(cls, path: Path) -> "JaccardIndex":
        """Open an index; raises `BadInput` when it is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, ("jaccard",), REBUILD))

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """Return the ``k`` best documents of each query."""
        chosen = JaccardSearch.of(options)
        builder = RunBuilder(self.ids, "jaccard")
        for query, text in zip(queries.ids, queries.texts, strict=True):
            asked = words(text, self.manifest.params["least_length"])
            every = [len(asked & one) / len(asked | one) if asked | one else 0.0 for one in self._words]
            scores = np.array(every, np.float32)
            rows = np.flatnonzero((scores > 0) & (scores >= chosen.threshold))
            order = top_k(scores[rows], tie_rank(np.asarray(self.ids.rank)[rows], chosen.ties), chosen.k)
            builder.add(query, rows[order], scores[rows[order]])
            chosen.progress(1)
        return builder.run()


def build(source: Path, task: BuildTask, options: JaccardBuild) -> int:
    """Build as ``intrex index jaccard`` does; a killed build leaves nothing."""
    collection = Collection.open(source)
    step = task.stage("reading", collection.n_documents)

    def make(artifact: Build) -> Manifest:
        ids, every = IdWriter(artifact.path), []
        for document in collection.documents():
            ids.extend([document.id])
            every.append(sorted(words(document.contents, options.least_length)))
            step(1)
        ids.close()
        (artifact.path / "words.json").write_text(json.dumps(every, ensure_ascii=False), "utf-8")
        return Manifest("jaccard", collection.corpus_fingerprint, params=options.to_dict())

    inputs = fingerprint(["jaccard", collection.corpus_fingerprint, options.to_dict()])
    build_artifact(task.out, inputs, make, overwrite=task.overwrite)
    return collection.n_documents
