"""Fixed dimensional encodings of token vectors."""
