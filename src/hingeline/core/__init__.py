"""What everything else stands on: errors, outcomes, events, randomness, array names."""
