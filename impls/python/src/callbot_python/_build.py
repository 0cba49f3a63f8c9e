"""What the pure-Python implementations say of themselves."""

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType


def describe(*, kernel: str, contract: str = "full") -> Mapping[str, str]:
    """The BUILD mapping of a variant; the compiler is the interpreter's own, since nothing of ours is compiled."""
    return MappingProxyType(
        {
            "language": "python",
            "binding": "none",
            "kernel": kernel,
            "compiler": f"{platform.python_implementation()} {platform.python_version()}",
            "flags": "",
            "profile": "debug" if hasattr(sys, "gettotalrefcount") else "release",
            "version": version("callbot-python"),
            "contract": contract,
        }
    )
