"""Skip connections: what never bends, read as edges that jump over a layer."""
