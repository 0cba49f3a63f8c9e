"""The extension modules, and for BUILD how their compiler is called."""

import json
import os
import platform
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
# What only the module of a kernel may use: the rest runs on any CPU, and asks before it imports such a one.
KERNEL_FLAGS = {"avx2": ["-mavx2"], "avx512": ["-mavx512f", "-mavx512bw", "-mavx512vbmi"]}
X86_64 = platform.machine() in ("x86_64", "AMD64") and sys.platform != "win32" and sys.maxsize > 2**32
VERSION = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def extension(path):
    name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
    macros = []
    if path.stem == "build_info":
        kernels = {kernel: " ".join(flags) for kernel, flags in KERNEL_FLAGS.items()}
        macros = [
            ("CALLBOT_CFLAGS", json.dumps(CFLAGS)),
            ("CALLBOT_KERNEL_FLAGS", json.dumps(json.dumps(kernels))),
            ("CALLBOT_VERSION", json.dumps(VERSION)),
        ]
    return Extension(
        name,
        [str(path)],
        include_dirs=[str(SOURCES / "callbot_cython" / "kernels")],
        extra_compile_args=FLAGS + KERNEL_FLAGS.get(path.stem, []),
        define_macros=macros,
    )


def sources():
    """The modules to build: a kernel only where its instructions can be compiled."""
    return [path for path in sorted(SOURCES.rglob("*.pyx")) if X86_64 or path.stem not in KERNEL_FLAGS]


setup(
    ext_modules=cythonize(
        [extension(path) for path in sources()],
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
