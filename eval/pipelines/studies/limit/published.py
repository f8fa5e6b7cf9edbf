"""Published figures on LIMIT: Weller et al., arXiv 2508.21038, the version of ICLR and google-deepmind/limit's code."""

from __future__ import annotations

CRITICAL = {
    4: 10, 5: 14, 6: 19, 7: 24, 8: 28, 9: 32, 10: 36, 11: 42, 12: 47, 13: 54, 14: 62, 15: 70, 16: 79, 17: 89, 18: 99,
    19: 109, 20: 120, 30: 261, 32: 296, 40: 460, 45: 626,
}  # fmt: skip
"""Critical n by dimension, for two relevant documents a query."""
CRITICAL_RELEVANT = 2
FULL = {
    "BM25": (85.7, 90.4, 93.6),
    "GTE-ModernColBERT (multi-vector)": (23.1, 34.6, 54.8),
    "Promptriever (4,096 dimensions)": (3.0, 6.8, 18.9),
    "GritLM (4,096)": (2.4, 4.1, 12.9),
    "Gemini Embeddings (3,072)": (1.6, 3.5, 10.0),
    "E5-Mistral (4,096)": (1.3, 2.2, 8.3),
    "Qwen3 (4,096)": (0.8, 1.8, 4.8),
    "Snowflake Arctic-L (1,024)": (0.4, 0.8, 3.3),
}
"""R@2, R@10 and R@100 in percent on the 50,000 documents."""
SMALL = {
    "BM25": (97.8, 100.0, 100.0),
    "GTE-ModernColBERT (multi-vector)": (83.5, 97.6, 99.1),
    "Promptriever (4,096 dimensions)": (54.3, 90.0, 97.7),
    "GritLM (4,096)": (38.4, 75.4, 90.5),
    "Gemini Embeddings (3,072)": (33.7, 72.4, 87.9),
    "E5-Mistral (4,096)": (29.5, 68.1, 85.2),
    "Qwen3 (4,096)": (19.0, 52.3, 73.8),
    "Snowflake Arctic-L (1,024)": (19.4, 54.9, 76.0),
}
"""R@2, R@10 and R@20 in percent on the 46 documents of limit-small."""
CLAIM = (
    "A number of documents that was not solved is a limit of this optimisation, from these draws and in float32, not of the "
    "dimension: sets of k documents can be told apart in about 2k dimensions whatever their number is, if scores may lie as near to "
    "each other as need be (Alon 1985 on the sign-rank of such matrices, which the paper's later version concedes). With a margin γ between "
    "scores, all sets of k of n documents need C(n, k) ≤ (1 + 1/γ)^d."
)
"""How a claim may be worded."""
