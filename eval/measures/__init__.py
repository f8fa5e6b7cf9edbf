"""Measures: their definitions, and the grammar that names them."""

from intrex.eval.measures.grammar import parse_measures
from intrex.eval.measures.measure import MEASURES, Measure
from intrex.eval.measures.rankings import Rankings

__all__ = ["MEASURES", "Measure", "Rankings", "parse_measures"]
