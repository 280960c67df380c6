"""One grid of defences: what each costs its owner, and what it leaves to an attacker who knows it."""
