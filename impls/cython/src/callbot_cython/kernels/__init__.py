"""Kernels: the inner loops that decode whole quads, one file each, and which of them is used."""
