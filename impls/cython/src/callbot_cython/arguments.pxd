# Arguments that count something, and sums of such numbers.

cdef extern from *:
    """
    #define DEFAULT_CAPACITY ((size_t) 10 << 20)
    #define UNBOUNDED ((size_t) 1 << (8 * sizeof(size_t) - 1))
    """
    const size_t DEFAULT_CAPACITY
    const size_t UNBOUNDED  # more than can be had of anything; stands for no limit


cdef inline size_t saturating_add(size_t one, size_t other) noexcept nogil:
    return UNBOUNDED * 2 - 1 if one > UNBOUNDED * 2 - 1 - other else one + other


cdef size_t natural(str name, object value) except? 0
cdef size_t optional_natural(str name, object value) except? 0
