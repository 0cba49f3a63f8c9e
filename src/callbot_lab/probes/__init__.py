"""Experiments that are no comparison of slots: each of their measurements has a process of its own."""
