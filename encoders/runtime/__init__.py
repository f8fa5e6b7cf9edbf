"""What encoders run on: models, transformers, linear layers, batches."""
