"""The command line: thin shells over library calls."""
