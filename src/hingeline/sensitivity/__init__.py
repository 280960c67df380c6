"""How small a change flips a network, in which direction, and why (verb `fragility`)."""
