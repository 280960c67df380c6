"""The linearised flow from layer to layer: stability matrices with their errors."""
