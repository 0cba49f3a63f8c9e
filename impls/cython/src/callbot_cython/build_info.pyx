"""What the implementations say of themselves."""

import json

cdef extern from *:
    """
    #if defined(__clang__)
    #define CALLBOT_COMPILER __VERSION__
    #elif defined(__GNUC__)
    #define CALLBOT_COMPILER "GCC " __VERSION__
    #else
    #define CALLBOT_COMPILER "unknown"
    #endif
    #ifdef __OPTIMIZE__
    #define CALLBOT_PROFILE "release"
    #else
    #define CALLBOT_PROFILE "debug"
    #endif
    #define CALLBOT_CYTHON CYTHON_HEX_VERSION
    """
    const char* CALLBOT_COMPILER
    const char* CALLBOT_PROFILE
    const char* CALLBOT_CFLAGS
    const char* CALLBOT_KERNEL_FLAGS
    const char* CALLBOT_VERSION
    const unsigned long CALLBOT_CYTHON


def describe(str kernel, bint releases, str contract):
    """The BUILD mapping of a variant, as docs/contract.md has it."""
    flags = [CALLBOT_CFLAGS.decode(), json.loads(CALLBOT_KERNEL_FLAGS).get(kernel, "")]
    cython = f"{CALLBOT_CYTHON >> 24}.{CALLBOT_CYTHON >> 16 & 255}.{CALLBOT_CYTHON >> 8 & 255}"
    return {
        "language": "cython",
        "binding": "cython, GIL released" if releases else "cython",
        "kernel": kernel,
        "compiler": f"{CALLBOT_COMPILER.decode()}, Cython {cython}",
        "flags": " ".join(flags).rstrip(),
        "profile": CALLBOT_PROFILE.decode(),
        "version": CALLBOT_VERSION.decode(),
        "contract": contract,
    }
