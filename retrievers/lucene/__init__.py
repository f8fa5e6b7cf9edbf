"""Lucene through Anserini and pyserini: the one home of the JVM."""
