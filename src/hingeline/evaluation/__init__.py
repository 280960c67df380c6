"""The ground truth and its only reader."""
