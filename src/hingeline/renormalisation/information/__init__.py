"""Fisher information about the input, layer by layer, and the directions it singles out."""
