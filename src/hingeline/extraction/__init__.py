"""Rebuild a network from its answers."""
