"""What is measured of a layer's units: products, sums, learned functions."""
