"""LIMIT studies: retrievers on it, and free embeddings that no text binds."""
