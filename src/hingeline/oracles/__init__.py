"""Doors to a network, and the one way to ask through them."""
