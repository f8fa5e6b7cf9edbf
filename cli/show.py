"""``intrex show``: one query of an index or of a run, with scores, grades and texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import command
from intrex.cli.search import OPTIONS, SearchCommand
from intrex.data.rankings.options import EvaluationSource
from intrex.eval.pipelines.show.options import DEPTH as DEPTH_SHOWN
from intrex.eval.pipelines.show.options import ShowOptions

DEPTH = replace(
    OPTIONS["k"], flags=("-k", *OPTIONS["k"].flags), default=DEPTH_SHOWN, help="Documents that are shown."
)


@command(
    'intrex show idx/bm25 "vaccines against measles" -k 3',
    "intrex show bm25.txt.gz 1 --qrels scifact:test",
    options={**OPTIONS, "k": DEPTH}.values(),
    shown_by=SearchCommand,
)
def show(
    source: Annotated[Path, typer.Argument(help="An index folder, or a run.")],
    query: Annotated[str, typer.Argument(help="A text to ask an index; of a run the query's id.")],
    *,
    options: ShowOptions,
    runs: EvaluationSource,
    values: dict[str, Any],
) -> None:
    """Look at one query: ranks, scores, texts, and the parts of each score.

    An index is asked a text, with any option of its search: what each term adds (bm25, sparse, impact), the most similar
    tokens (multivector), the estimate beside the exact score (fde). Of a run, with judgements, grades and what it missed.
    """
    from intrex.cli.common.show_output import show_page

    if source.is_dir():
        from intrex.eval.pipelines.show.index import show_index

        options.refuse_for_index()
        page = show_index(source, query, values, options)
    else:
        from intrex.eval.pipelines.show.run import show_run

        with runs.declared():
            page = show_run(source, query, values, options)
    for note in page.notes:
        say(f"note: {note}")
    show_page(page, options)
