#!/usr/bin/env bash
# torchmetrics takes a document whose score is 0 or less for one that was not retrieved, in some of its retrieval metrics.
#
# What one expects: rankings are what retrieval metrics look at, so adding a number to every score of a query changes nothing.
# What happens: RetrievalMRR, RetrievalMAP, RetrievalPrecision and RetrievalRecall blank the target wherever the score is not above
#   0; RetrievalNormalizedDCG and RetrievalHitRate do not. The same ranking with its scores moved below 0 has MRR, MAP, P and R of 0
#   and unchanged nDCG and hit rate, without a warning.
# Why it matters: logits of cross-encoders, log-probabilities (SPLADE's are above 0, those of query likelihood are not), negated
#   distances and margins are scores below 0. Some figures of a table are then 0 or too low, others right; where scores lie on both
#   sides of 0 the figures are wrong without looking so.
# Version: torchmetrics 1.9.0 (with torch 2.13.0). Source: the functions retrieval_average_precision, retrieval_precision,
#   retrieval_recall and retrieval_reciprocal_rank in torchmetrics/functional/retrieval of that version.
#
# Usage: bash torchmetrics-scores-below-zero.sh    TORCH_INDEX=URL names an index with a build of torch without CUDA.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
pip="$work/env/bin/pip install -q --disable-pip-version-check"
$pip ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch==2.13.0
$pip torchmetrics==1.9.0
cat > "$work/run.py" <<'PY'
import sys

import torch
import torchmetrics
from torchmetrics import retrieval as r

print(f"torchmetrics {torchmetrics.__version__}, torch {torch.__version__.split('+')[0]}")
# one query, three documents in this order; the first and the third are relevant
query, relevant, ranking = torch.zeros(3, dtype=torch.long), torch.tensor([True, False, True]), torch.tensor([3.0, 2.0, 1.0])
metrics = {
    "MRR": r.RetrievalMRR(), "MAP": r.RetrievalMAP(), "P@2": r.RetrievalPrecision(top_k=2), "R@2": r.RetrievalRecall(top_k=2),
    "HitRate@2": r.RetrievalHitRate(top_k=2), "nDCG@2": r.RetrievalNormalizedDCG(top_k=2),
}
print(f"{'metric':<10} {'3, 2, 1':>8} {'-7, -8, -9':>11}")
found = {}
for name, metric in metrics.items():
    found[name] = [round(float(metric(ranking + move, relevant, indexes=query)), 4) for move in (0.0, -10.0)]
    print(f"{name:<10} {found[name][0]:>8} {found[name][1]:>11}")
expected = {
    "MRR": [1.0, 0.0], "MAP": [0.8333, 0.0], "P@2": [0.5, 0.0], "R@2": [0.5, 0.0],
    "HitRate@2": [1.0, 1.0], "nDCG@2": [0.6131, 0.6131],
}
sys.exit(0 if found == expected else "this changed: the finding no longer holds as it is written")
PY
"$work/env/bin/python" -W ignore "$work/run.py"
