"""Questions with a certificate: calibration, line sweeps, one-region Jacobians."""
