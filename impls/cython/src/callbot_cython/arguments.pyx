"""Arguments that count something."""

from cpython.number cimport PyNumber_Index

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1


# A number that is not negative; TypeError or ValueError. What is too large for memory becomes UNBOUNDED.
cdef size_t natural(str name, object value) except? 0:
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(PyNumber_Index(value), &overflow)
    if overflow < 0 or (overflow == 0 and number < 0):
        raise ValueError(f"{name} is negative")
    if overflow > 0 or <unsigned long long> number > UNBOUNDED:
        return UNBOUNDED
    return <size_t> number


# The same for an argument that may be None, for no limit.
cdef size_t optional_natural(str name, object value) except? 0:
    if value is None:
        return UNBOUNDED
    return natural(name, value)
