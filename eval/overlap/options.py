"""Options of ``intrex overlap``; plain data."""

from pathlib import Path

from intrex.data.options import Options, declare, option

KINDS = {
    "exact": "the text of a training query",
    "normalised": "the words of a training query, case and punctuation aside",
    "ngram": "a large share of one training query's word n-grams",
    "neighbour": "a training query of high cosine similarity",
    "entity": "an entity that training queries name",
    "label": "a document relevant to a training query too",
    "document": "a relevant document that is nearly one of a training query's",
    "positive": "a relevant document that the model was trained to prefer",
    "negative": "a relevant document that the model was trained to push away",
}
PLAIN = "plain"
PANEL = "Thresholds"


@declare
class OverlapOptions(Options):
    """Flags to look for, and the tools that find them."""

    encoder: str | None = option(default=None, help="Also look for neighbours by this encoder's cosine.")
    flags: tuple[str, ...] = option(
        default=(), key="flag", choices=tuple(KINDS), help="May be repeated; all that can be by default."
    )
    model: Path | None = option(
        default=None, help="A model that `intrex train` made: also look for the documents it was trained on."
    )
    entities: str = option(
        default=PLAIN, help="plain (capitals, numbers), or a spaCy pipeline's name or folder."
    )
    device: str | None = option(default=None, help="For the encoder: cpu, cuda, mps.")


@declare
class Thresholds(Options):
    """Bounds from which on something is flagged."""

    ngram: int = option(default=3, low=1, panel=PANEL, help="Words of an n-gram.")
    ngram_share: float = option(
        default=0.5, low=0, high=1, panel=PANEL, help="Share of a query's n-grams in one training query."
    )
    neighbour: float = option(
        default=0.9, low=-1, high=1, panel=PANEL, help="Cosine from which a query is a neighbour."
    )
    entity_share: float = option(
        default=1.0, low=0, high=1, panel=PANEL, help="Share of a query's entities seen in training."
    )
    # the script of Zhan et al. counts from 2 on
    label: int = option(
        default=1, low=1, panel=PANEL, help="Relevant documents shared with training queries."
    )
    level: int = option(default=1, low=1, panel=PANEL, help="Grade from which a document is relevant.")
    document: float = option(
        default=0.8, low=0.5, high=1, panel=PANEL, help="Jaccard similarity of near duplicates."
    )
