"""A transformer so small that it is trained within a second."""

from pathlib import Path

WORDS = [f"word{i}" for i in range(40)]


def make_tiny(folder: Path) -> Path:
    """A random BERT of 30,000 weights with a vocabulary of whole words, as a sentence-transformers model."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import BertConfig, BertModel, BertTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(0)
    config = BertConfig(len(vocabulary), 16, 1, 2, 32, max_position_embeddings=64)
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    parts = Transformer(str(folder / "bert"), max_seq_length=32), Pooling(16), Normalize()
    SentenceTransformer(modules=list(parts), device="cpu").save_pretrained(str(folder / "model"))
    return folder / "model"
