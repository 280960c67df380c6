"""Families of models that answer at random, and attacks on the whole family (MulDef)."""
