"""Dangerous perturbations of a stack's input, and the flips they cause beside controls."""
