"""Variants: one kernel each, as attributes `scalar`, `avx2` and `avx512`."""

from ._native import with_kernel

__all__ = ["avx2", "avx512", "scalar"]


def __getattr__(name: str) -> object:
    """The variant with a kernel; ImportError with the reason where it cannot run."""
    if name in __all__:
        return with_kernel(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
