"""Systems whose answers are known: a solvable tower, and the two-dimensional Ising model."""
