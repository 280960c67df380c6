"""Convolutions as first layers: found by sparse normals, measured once per filter."""
