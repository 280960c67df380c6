"""Any number of hidden layers: every layer is found from the bends of a few lines, mostly without queries."""
