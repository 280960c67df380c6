"""The measurements that explain a distance, each beside what theory foretells, and what they say together."""
