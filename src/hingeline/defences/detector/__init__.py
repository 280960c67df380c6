"""Autoencoders on hidden layers as detectors of adversarial inputs, and attacks that know them."""
