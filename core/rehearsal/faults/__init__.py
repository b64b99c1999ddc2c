"""Faults of a rehearsal: what can go wrong, how often, when, and proof that it did."""
