"""The base64 of mypyc's runtime library, called from Python; lenient, so it is no implementation."""

from importlib.metadata import version

from librt.base64 import b64decode as decode

__all__ = ["BUILD", "decode"]

BUILD = {
    "language": "c",
    "binding": "cpython",
    "kernel": "librt (libbase64)",
    "compiler": "as its wheel was built",
    "flags": "",
    "profile": "release",
    "version": version("librt"),
    "contract": "decode",
}
