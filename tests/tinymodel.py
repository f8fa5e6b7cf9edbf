"""A sentence-transformers model that trains in a moment: a random BERT with a vocabulary of whole words."""

from collections.abc import Sequence
from pathlib import Path


def write_tiny_model(folder: Path, words: Sequence[str]) -> Path:
    """Make it at ``folder/model``: one layer, 16 dimensions, mean pooling, vectors of length 1."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import BertConfig, BertModel, BertTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(0)
    config = BertConfig(len(vocabulary), 16, 1, 2, 32, max_position_embeddings=64)
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    parts = Transformer(str(folder / "bert"), max_seq_length=32), Pooling(16), Normalize()
    SentenceTransformer(modules=list(parts), device="cpu").save_pretrained(str(folder / "model"))
    return folder / "model"
