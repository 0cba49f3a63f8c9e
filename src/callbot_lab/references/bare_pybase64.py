"""pybase64 with validation and nothing around it; it accepts spare bits, so it is no implementation."""

from functools import partial
from importlib.metadata import version

from pybase64 import b64decode

__all__ = ["BUILD", "decode"]

decode = partial(b64decode, validate=True)

BUILD = {
    "language": "c",
    "binding": "cpython",
    "kernel": "libbase64",
    "compiler": "as its wheel was built",
    "flags": "",
    "profile": "release",
    "version": version("pybase64"),
    "contract": "decode",
}
