"""Stacks of restricted Boltzmann machines as a renormalisation-group flow, and what it says of a classifier.

Layers are scales, couplings of the effective Hamiltonian flow from one to the next, and the linearised flow
tells which differences live and which die. Formulas are a reconstruction of ours from the words of Kenway
2018, not his; where they speak of ordinary networks it is said what is lost.
"""
