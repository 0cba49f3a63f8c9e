/* What the vector kernels need of the machine: the intrinsics of x86-64, and whether the CPU, and the system on it,
 * run them. Any other architecture, or compiler, runs none. */

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define X86_KERNELS 1

static inline int runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

static inline int runs_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vbmi");
}

#else

#define X86_KERNELS 0

static inline int runs_avx2(void)
{
    return 0;
}

static inline int runs_avx512(void)
{
    return 0;
}

#endif
