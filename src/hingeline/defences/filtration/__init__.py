"""Adversarial filtration of labelled pools, and what transfers to models that took no part in it."""
