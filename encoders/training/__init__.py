"""Training encoders and rerankers by sentence-transformers' trainers. Negatives and dev scores come from outside."""
