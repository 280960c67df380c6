"""Fisher information pulled back to the input: dangerous directions, and the flips they cause."""
