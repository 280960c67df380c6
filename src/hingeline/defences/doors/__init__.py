"""Oracles around oracles: rounding, precision, noise, top-k, labels, random members, abstention, limits."""
