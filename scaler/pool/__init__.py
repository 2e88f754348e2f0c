"""Warm pods: what there is, what is wanted, and the writes that make the one the other."""
