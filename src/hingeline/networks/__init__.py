"""Piecewise-linear networks: evaluate, canonicalise, compare, store."""
