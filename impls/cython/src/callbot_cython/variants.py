"""Variants: one kernel each, as attributes `scalar`, `avx2` and `avx512`, and the best one without the GIL."""

from .variant import releasing, with_kernel

__all__ = ["avx2", "avx512", "releasing", "scalar"]  # noqa: F822 (made when asked for)

_KERNELS = ("avx2", "avx512", "scalar")


def __getattr__(name: str) -> object:
    """The variant with a kernel; ImportError with the reason where it cannot run."""
    if name in _KERNELS:
        return with_kernel(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
