"""The study of CUR approximations: what a cross-encoder's calls find, by how they are spent."""
