"""Harness of callbot-lab: finds implementations of decode and buffer, verifies, measures and reports on them."""

__version__ = "0.1.0"
