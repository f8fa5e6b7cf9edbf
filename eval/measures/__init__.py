"""Measures: their definitions, and the grammar that names them."""

from intrex.eval.measures.definitions import MEASURES, Measure, Ranking, parse_measures

__all__ = ["MEASURES", "Measure", "Ranking", "parse_measures"]
