"""The MUVERA study: what fixed dimensional encodings find."""
