"""Training of dense ReLU classifiers, plain or against an adversary, in NumPy."""
