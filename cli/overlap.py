"""``intrex overlap``: what a test set shares with training queries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import Format, emit, say
from intrex.cli.common.parameters import examples


@examples("intrex overlap scifact:train scifact:test")
def overlap(
    train: Annotated[str, typer.Argument(help="Training queries: a file, or COLLECTION:SET.")],
    test: Annotated[str, typer.Argument(help="Test queries: a file, or COLLECTION:SET.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write every test query's flags as JSON lines, for evaluate."),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option("--encoder", help="Also look for neighbours by this encoder's cosine.")
    ] = None,
    flags: Annotated[
        list[str] | None,
        typer.Option(
            "--flag",
            help="exact, normalised, ngram, neighbour, entity, label, document; all that can be by default.",
        ),
    ] = None,
    ngram: Annotated[int, typer.Option("--ngram", min=1, help="Words of an n-gram.")] = 3,
    ngram_share: Annotated[
        float,
        typer.Option("--ngram-share", min=0, max=1, help="Share of a query's n-grams in one training query."),
    ] = 0.5,
    neighbour: Annotated[
        float, typer.Option("--neighbour", min=-1, max=1, help="Cosine from which a query is a neighbour.")
    ] = 0.9,
    entities: Annotated[
        str,
        typer.Option("--entities", help="plain (capitals, numbers), or a spaCy pipeline's name or folder."),
    ] = "plain",
    entity_share: Annotated[
        float,
        typer.Option("--entity-share", min=0, max=1, help="Share of a query's entities seen in training."),
    ] = 1.0,
    label: Annotated[
        int, typer.Option("--label", min=1, help="Relevant documents shared with training queries.")
    ] = 1,
    level: Annotated[
        int, typer.Option("--level", min=1, help="Grade from which a document is relevant.")
    ] = 1,
    document: Annotated[
        float, typer.Option("--document", min=0.5, max=1, help="Jaccard similarity of near duplicates.")
    ] = 0.8,
    device: Annotated[str | None, typer.Option(help="For the encoder: cpu, cuda, mps.")] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
) -> None:
    """Audit leakage: which test queries share texts, entities, relevant or near-duplicate documents with training."""
    from intrex.data.io.files import refuse_existing
    from intrex.eval.overlap.audit import write_audit
    from intrex.eval.pipelines.auditing import Thresholds, audit

    if output is not None:
        refuse_existing(output, overwrite)
    limits = Thresholds(ngram, ngram_share, neighbour, entity_share, label, level, document)
    made = audit(
        train, test, encoder=encoder, entities=entities, thresholds=limits, kinds=flags or (), device=device
    )
    if output is not None:
        write_audit(made, output, overwrite)
    headers, rows = made.table()
    emit(headers, rows, form, lead=2)
    say(f"{len(made.queries):,} test queries of {test} against {train}; {len(made.flagged()):,} have a flag")
