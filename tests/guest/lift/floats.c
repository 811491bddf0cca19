// Computes with x87, SSE, AVX, AES and CRC instructions, with and without the kernel in between, and prints what came out.
#include <immintrin.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static long double by_x87(int rounds) {
    long double sum = 0, value = 1.5L;
    for (int i = 1; i < rounds; ++i) {
        value = value * 1.0000001L + 1.0L / i;
        sum += sqrtl(value) - fabsl(sinl(value)) + log2l(value + i) + (long double)(int64_t)value;
    }
    return sum;
}

static double by_sse(int rounds) {
    double numbers[64], sum = 0;
    float halves[64];
    for (int i = 0; i < 64; ++i)
        numbers[i] = i * 0.75 - 20, halves[i] = (float)(i * i) / 3;
    for (int round = 0; round < rounds; ++round)
        for (int i = 0; i < 64; ++i) {
            numbers[i] = numbers[i] * 0.99 + halves[63 - i] / (i + 1);
            halves[i] = (float)(numbers[i] > 10 ? sqrt(numbers[i]) : numbers[i] + 1);
            sum += floor(numbers[i]) + (int)halves[i];
        }
    return sum;
}

__attribute__((target("avx2,fma"))) static double by_avx(int rounds) {
    __m256d values = _mm256_set_pd(1, 2, 3, 4), sum = _mm256_setzero_pd();
    __m256i words = _mm256_set1_epi32(0x01234567);
    for (int i = 0; i < rounds; ++i) {
        values = _mm256_fmadd_pd(values, _mm256_set1_pd(0.999), _mm256_set1_pd(0.25));
        sum = _mm256_add_pd(sum, _mm256_blendv_pd(values, _mm256_sqrt_pd(values), _mm256_cmp_pd(values, sum, _CMP_LT_OQ)));
        words = _mm256_shuffle_epi8(_mm256_add_epi32(_mm256_mullo_epi32(words, words), _mm256_set1_epi32(i)), words);
        words = _mm256_xor_si256(words, _mm256_srli_epi32(_mm256_permute4x64_epi64(words, 0x1b), 3));
        if (i % 64 == 0)
            sched_yield();
    }
    double out[4];
    uint32_t numbers[8];
    _mm256_storeu_pd(out, sum);
    _mm256_storeu_si256((__m256i*)numbers, words);
    return out[0] + out[1] + out[2] + out[3] + numbers[0] % 1000 + numbers[5] % 1000;
}

__attribute__((target("aes,pclmul,sse4.2,ssse3"))) static uint64_t by_tables(int rounds) {
    __m128i block = _mm_set_epi32(1, 2, 3, 4), key = _mm_set1_epi32(0x5a5a1234);
    uint64_t crc = 0;
    for (int i = 0; i < rounds; ++i) {
        block = _mm_aesenc_si128(block, key);
        key = _mm_xor_si128(_mm_aeskeygenassist_si128(key, 0x1b), _mm_clmulepi64_si128(block, key, 0x10));
        block = _mm_shuffle_epi8(block, _mm_set_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
        crc = _mm_crc32_u32((uint32_t)crc, (uint32_t)_mm_cvtsi128_si32(block)) + (uint64_t)_mm_popcnt_u32((uint32_t)crc);
    }
    return crc;
}

int main(void) {
    printf("x87 %.12Lg\n", by_x87(300));
    printf("sse %.12g\n", by_sse(40));
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        printf("avx %.12g\n", by_avx(800));
    if (__builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul"))
        printf("tables %llx\n", (unsigned long long)by_tables(800));
    return 0;
}
