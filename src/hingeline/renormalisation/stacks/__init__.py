"""Stacks of stochastic layers: sampled, trained, stored, enumerated where they are small."""
