"""What a network looks at: the subspace its answers depend on, and inputs it cannot tell apart."""
