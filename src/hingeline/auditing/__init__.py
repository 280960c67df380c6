"""The audit: every verb of one target within one budget, priced before and told together."""
