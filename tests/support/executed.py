"""Modules of intrex whose code runs while a stage does its work."""

import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

import pytest

from intrex.eval.pipelines.experiment import stages

WATCHES = frozenset({"intrex.data.progress"})
"""Modules that a watch of the progress may run, whatever the stage does."""


class Executed:
    """Records, for each stage that runs, the modules whose functions were called, and which of them its key leaves out."""

    def __init__(self) -> None:
        self.unkeyed: dict[str, set[str]] = defaultdict(set)
        self.kinds: set[str] = set()
        self._called: set[str] = set()

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (name := frame.f_globals.get("__name__", "")).startswith("intrex."):
            self._called.add(name)

    @contextmanager
    def recording(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Record all stages that run in the context."""
        run = stages._run

        def recorded(stage, kinds, identity, folder, results, watch):  # type: ignore[no-untyped-def]
            def work(*arguments):  # type: ignore[no-untyped-def]
                self._called = set()
                threading.setprofile(self._note)
                sys.setprofile(self._note)
                try:
                    return kind.work(*arguments)
                finally:
                    sys.setprofile(None)
                    threading.setprofile(None)  # type: ignore[arg-type]

            kind = kinds[stage.kind]
            keyed = WATCHES.union(stages.source_of(stage, kinds, results))
            done = run(
                stage, {**kinds, stage.kind: replace(kind, work=work)}, identity, folder, results, watch
            )
            self.unkeyed[stage.name] |= self._called - keyed
            self.kinds.add(stage.kind)
            return done

        with patch.context() as inner:
            inner.setattr(stages, "_run", recorded)
            yield
