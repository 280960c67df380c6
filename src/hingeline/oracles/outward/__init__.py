"""Our counted, budgeted, journaled doors, handed to attack libraries of others."""
