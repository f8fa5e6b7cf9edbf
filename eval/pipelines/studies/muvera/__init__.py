"""MUVERA study: the candidates that fixed dimensional encodings find."""
