# What is said of a message that is refused.

from callbot_cython.message cimport Message, Reader

cdef object refusal(const Reader* reader, const Message* message)
cdef object payload_refusal(const Reader* reader, const Message* message)
