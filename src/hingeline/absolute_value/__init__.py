"""Networks a'|Wx|: exact recovery from queries, what gradient descent learns first, moments of samples."""
