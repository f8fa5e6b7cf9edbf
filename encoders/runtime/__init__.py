"""Ground of the encoders: models, transformers, linear layers, batches."""
