"""Options of the data that a model is trained on; plain data."""

from intrex.data.options import Options, declare, option

PANEL = "Data"


@declare
class SourceOptions(Options):
    """Options of `intrex.eval.pipelines.training.examples.TrainingSource`."""

    train_set: str = option(
        default="train", key="set", panel=PANEL, common=True, help="The collection's set to train on."
    )
    split: str | None = option(
        default=None, panel=PANEL, metavar="SPLIT:FOLD", help="Train on the queries of one fold of a split."
    )
    dev: str | None = option(
        default=None, panel=PANEL, help="The collection's set for early stopping on nDCG@10."
    )
    dev_share: float = option(
        default=0.0, low=0, high=0.9, panel=PANEL, help="Or hold out this share of the training queries."
    )
    teacher: str | None = option(
        default=None, panel=PANEL, help="Encoder to follow with margin-mse or distill."
    )
    negatives_run: str | None = option(
        default=None, panel=PANEL, metavar="PATH", help="Run of the training queries to mine from; else BM25."
    )
    spare: str | None = option(
        default=None, panel=PANEL, metavar="SET",
        help="Draw no negatives among documents that are relevant to this set's queries.",
    )  # fmt: skip
    max_pairs: int | None = option(
        default=None, low=1, panel=PANEL, help="Use so many pairs, drawn by the seed."
    )
