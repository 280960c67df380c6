"""Ordinary networks: Jacobians along the path, gains by layer, and a twin with noise."""
