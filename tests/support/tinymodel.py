"""A sentence-transformers model that trains in a moment: a random BERT with a vocabulary of whole words."""

from collections.abc import Sequence
from pathlib import Path

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def save_tokenizer(folder: Path, words: Sequence[str]) -> None:
    """A tokenizer that knows these words whole, beside a model's weights."""
    from transformers import BertTokenizerFast

    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate([*SPECIAL, *words])})
    if tokenizer(words[-1])["input_ids"][1:-1] != [len(SPECIAL) + len(words) - 1]:
        raise RuntimeError("this transformers takes a vocabulary otherwise")
    tokenizer.save_pretrained(folder)


def write_tiny_model(folder: Path, words: Sequence[str]) -> Path:
    """Make it at ``folder/model``: one layer, 16 dimensions, mean pooling, vectors of length 1."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(len(SPECIAL) + len(words), 16, 1, 2, 32, max_position_embeddings=64)
    BertModel(config).save_pretrained(folder / "bert")
    save_tokenizer(folder / "bert", words)
    parts = Transformer(str(folder / "bert"), max_seq_length=32), Pooling(16), Normalize()
    SentenceTransformer(modules=list(parts), device="cpu").save_pretrained(str(folder / "model"))
    return folder / "model"
