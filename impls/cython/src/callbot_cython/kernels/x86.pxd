# What the vector kernels need of the machine. The compiler's own header says what each intrinsic does.

cdef extern from "x86.h" nogil:
    const bint X86_KERNELS
    bint runs_avx2()
    bint runs_avx512()

    ctypedef struct __m128i:
        pass
    ctypedef struct __m256i:
        pass
    ctypedef struct __m512i:
        pass
    ctypedef unsigned long long __mmask64

    __m128i _mm_loadu_si128(const __m128i* source)
    void _mm_storeu_si128(__m128i* target, __m128i bytes)
    void _mm_storel_epi64(__m128i* target, __m128i bytes)

    __m256i _mm256_setzero_si256()
    __m256i _mm256_set1_epi8(char value)
    __m256i _mm256_set1_epi32(int value)
    __m256i _mm256_setr_epi32(int a, int b, int c, int d, int e, int f, int g, int h)
    __m256i _mm256_broadcastsi128_si256(__m128i half)
    __m128i _mm256_castsi256_si128(__m256i bytes)
    __m128i _mm256_extracti128_si256(__m256i bytes, int half)
    __m256i _mm256_loadu_si256(const __m256i* source)
    void _mm256_storeu_si256(__m256i* target, __m256i bytes)
    int _mm256_testz_si256(__m256i one, __m256i other)
    __m256i _mm256_and_si256(__m256i one, __m256i other)
    __m256i _mm256_or_si256(__m256i one, __m256i other)
    __m256i _mm256_add_epi8(__m256i one, __m256i other)
    __m256i _mm256_cmpeq_epi8(__m256i one, __m256i other)
    __m256i _mm256_srli_epi16(__m256i values, int places)
    __m256i _mm256_shuffle_epi8(__m256i table, __m256i places)
    __m256i _mm256_permutevar8x32_epi32(__m256i words, __m256i places)
    __m256i _mm256_maddubs_epi16(__m256i values, __m256i factors)
    __m256i _mm256_madd_epi16(__m256i values, __m256i factors)

    __m512i _mm512_setzero_si512()
    __m512i _mm512_set1_epi8(char value)
    __m512i _mm512_set1_epi32(int value)
    __m512i _mm512_loadu_si512(const void* source)
    __m512i _mm512_mask_loadu_epi8(__m512i filler, __mmask64 mask, const void* source)
    void _mm512_mask_storeu_epi8(void* target, __mmask64 mask, __m512i bytes)
    __mmask64 _mm512_movepi8_mask(__m512i bytes)
    __m512i _mm512_ternarylogic_epi32(__m512i a, __m512i b, __m512i c, int function)
    __m512i _mm512_permutex2var_epi8(__m512i low, __m512i places, __m512i high)
    __m512i _mm512_permutexvar_epi8(__m512i places, __m512i bytes)
    __m512i _mm512_maddubs_epi16(__m512i values, __m512i factors)
    __m512i _mm512_madd_epi16(__m512i values, __m512i factors)
