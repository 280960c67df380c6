"""Numeric pieces without a notion of a network."""
