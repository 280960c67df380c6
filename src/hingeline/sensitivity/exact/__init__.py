"""The smallest change that flips a ReLU network, proved: branch and bound over unions of regions."""
