"""The extension modules, and for BUILD how their compiler is called."""

import json
import os
import sys
import sysconfig
import tomllib
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = Path("src")
ENVIRONMENT = os.environ.get("CFLAGS", "")
# After everything else on the command line, so only where the environment has no wish of its own.
FLAGS = [] if sys.platform == "win32" or "-O" in ENVIRONMENT else ["-O3"]
CFLAGS = " ".join([*(sysconfig.get_config_var("CFLAGS") or "").split(), *ENVIRONMENT.split(), *FLAGS])
VERSION = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def extension(path):
    name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
    macros = []
    if path.stem == "build_info":
        macros = [("CALLBOT_CFLAGS", json.dumps(CFLAGS)), ("CALLBOT_VERSION", json.dumps(VERSION))]
    return Extension(name, [str(path)], extra_compile_args=FLAGS, define_macros=macros)


setup(
    ext_modules=cythonize(
        [extension(path) for path in sorted(SOURCES.rglob("*.pyx"))],
        build_dir="build/cython",
        force=True,  # what was built with other flags must not stay
        include_path=[str(SOURCES)],
        language_level=3,
        compiler_directives={
            "auto_pickle": False,
            "binding": False,
            "boundscheck": False,
            "cdivision": True,
            "embedsignature": True,
            "embedsignature.format": "clinic",
            # The GIL is the lock of every buffer, so an interpreter that can do without one turns it on.
            "freethreading_compatible": False,
            "initializedcheck": False,
            "wraparound": False,
        },
    ),
)
