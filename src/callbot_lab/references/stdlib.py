"""The one-liner of the standard library, `base64.b64decode`, as most servers write it: lenient, and then extended."""

import platform
from base64 import b64decode as decode

__all__ = ["BUILD", "decode"]

BUILD = {
    "language": "c",
    "binding": "cpython",
    "kernel": "base64.b64decode",
    "compiler": platform.python_compiler(),
    "flags": "as the interpreter was built",
    "profile": "release",
    "version": platform.python_version(),
    "contract": "decode",
}
