/* The work on every byte, natively: SHA-256 of many messages at once, largest magnitude and exact squares, weighted
 * sums. ledger/kernel/pure.py has the same functions; ledger/kernel/native.py calls these, without Python's lock.
 *
 * No function writes anything but what its caller hands it, and none allocates: any number of threads may call.
 * Buffers may have any alignment. fl_features() says what the processor has: without SHA, the functions that hash must
 * not be called (hashlib is twice as fast as plain C). `wide` is what of the features a function may use besides: AVX2
 * for sums, AVX512 for hashes and means, 0 for neither. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernel is for little-endian processors"
#endif

#ifndef FL_VERSION
#define FL_VERSION 4 /* another number for any change of a function's meaning; native.py has the same */
#endif
#define LANES 3 /* as many streams as keep the SHA unit busy: one waits for itself, four win nothing */
#define SHA 1   /* features: instructions for SHA-256 */
#define AVX2 2
#define AVX512 4
#define WIDE 16 /* messages of one length that AVX-512 hashes side by side, one in each word of a register */

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t K[64] __attribute__((aligned(16), unused)) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* ---- SHA-256 (FIPS 180-4): `blocks` blocks of 64 bytes of each of n streams, whose states are s[l][8] ---- */

/* Where a stream's next blocks are: one, those after it in a row, and the last one, of two or more. */
typedef struct {
    const uint8_t *first, *between, *last;
} Run;

typedef void Compress(uint32_t *const *s, const Run *runs, size_t blocks);

/* Two streams that the SHA unit hashes meanwhile: what is left of both, in blocks of 64 bytes. */
typedef struct {
    uint32_t *state[2];
    const uint8_t *data[2];
    size_t blocks;
} Beside;

INLINE const uint8_t *block_of(const Run *run, size_t b, size_t blocks) {
    return b == 0 ? run->first : b + 1 == blocks ? run->last : run->between + 64 * (b - 1);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define WITH_SHA __attribute__((target("sha,sse4.1")))

/* The state's words as the instructions want them, a = ABEF and c = CDGH, the highest word first. */
INLINE WITH_SHA void load_state(const uint32_t *s, __m128i *a, __m128i *c) {
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)s), 0xB1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)s + 1), 0x1B);
    *a = _mm_alignr_epi8(abcd, efgh, 8);
    *c = _mm_blend_epi16(efgh, abcd, 0xF0);
}

INLINE WITH_SHA void store_state(uint32_t *s, __m128i a, __m128i c) {
    __m128i feba = _mm_shuffle_epi32(a, 0x1B), dchg = _mm_shuffle_epi32(c, 0xB1);
    _mm_storeu_si128((__m128i *)s, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)s + 1, _mm_alignr_epi8(dchg, feba, 8));
}

INLINE WITH_SHA void load_block(const uint8_t *block, __m128i *w) {
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    UNROLL for (int i = 0; i < 4; i++) w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)block + i), order);
}

/* Rounds 4r to 4r + 3 of a block. */
INLINE WITH_SHA void four_rounds(const int r, __m128i *m, __m128i *a, __m128i *c) {
    const __m128i now = m[r & 3], x = _mm_add_epi32(now, _mm_load_si128((const __m128i *)(K + 4 * r)));
    *c = _mm_sha256rnds2_epu32(*c, *a, x);
    *a = _mm_sha256rnds2_epu32(*a, *c, _mm_shuffle_epi32(x, 0x0E));
    if (r < 12) {
        __m128i seven = _mm_alignr_epi8(m[(r + 3) & 3], m[(r + 2) & 3], 4);
        __m128i next = _mm_add_epi32(_mm_sha256msg1_epu32(now, m[(r + 1) & 3]), seven);
        m[r & 3] = _mm_sha256msg2_epu32(next, m[(r + 3) & 3]);
    }
}

INLINE WITH_SHA void rounds(const int n, uint32_t *const *s, const Run *runs, size_t blocks) {
    __m128i a[LANES], c[LANES];
    for (int l = 0; l < n; l++) load_state(s[l], &a[l], &c[l]);
    for (size_t b = 0; b < blocks; b++) {
        __m128i w[LANES][4], a0[LANES], c0[LANES];
        for (int l = 0; l < n; l++) {
            a0[l] = a[l];
            c0[l] = c[l];
            load_block(block_of(&runs[l], b, blocks), w[l]);
        }
        UNROLL for (int r = 0; r < 16; r++) {
            UNROLL for (int l = 0; l < n; l++) four_rounds(r, w[l], &a[l], &c[l]);
        }
        for (int l = 0; l < n; l++) {
            a[l] = _mm_add_epi32(a[l], a0[l]);
            c[l] = _mm_add_epi32(c[l], c0[l]);
        }
    }
    for (int l = 0; l < n; l++) store_state(s[l], a[l], c[l]);
}

/* By cpuid and xgetbv, since not every compiler's library fills in __builtin_cpu_supports. */
static int features(void) {
    unsigned a, b, c, d, one, seven, saved = 0;
    if (!__get_cpuid_count(1, 0, &a, &b, &one, &d) || !__get_cpuid_count(7, 0, &a, &seven, &c, &d)) return 0;
    if (one >> 27 & 1) __asm__("xgetbv" : "=a"(saved), "=d"(d) : "c"(0));
    int sha = seven >> 29 & one >> 19 & one >> 9 & 1; /* with SSE4.1 and SSSE3 */
    int avx2 = seven >> 5 & one >> 28 & 1 && (saved & 6) == 6; /* and registers that the system keeps */
    int avx512 = seven >> 16 & seven >> 30 & seven >> 31 && (saved & 0xe6) == 0xe6; /* F, BW, VL; all registers kept */
    return (sha ? SHA : 0) | (avx2 ? AVX2 : 0) | (sha && avx512 ? AVX512 : 0);
}

#define WITH_AVX512 __attribute__((target("sha,avx512f,avx512bw,avx512vl")))
#define WIDELY static inline WITH_AVX512 __attribute__((always_inline))
typedef __m512i Words; /* word k is message k's */

WIDELY Words turn3(Words x, Words y, Words z) { return _mm512_ternarylogic_epi32(x, y, z, 0x96); } /* x ^ y ^ z */
WIDELY Words plus(Words x, Words y) { return _mm512_add_epi32(x, y); }
#define TURN(x, n) _mm512_ror_epi32(x, n)

/* Rows of 16 words become columns. */
WIDELY void transpose(Words *m) {
    Words t[16];
    UNROLL for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(m[i], m[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(m[i], m[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4) {
        m[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        m[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        m[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        m[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(m[i], m[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(m[i], m[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(m[i + 8], m[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(m[i + 8], m[i + 12], 0xdd);
    }
    UNROLL for (int i = 0; i < 8; i++) {
        m[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        m[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    }
}

#define SOON 256 /* bytes by which rows are fetched ahead, into the next pieces, too: no processor foresees so many
                  * short runs. An address that is nobody's does no harm. */
#define STEP 8 /* blocks of either stream beside one of WIDE messages: so both come to their ends at about one time */

/* One block of each message, in rows: message k's in row k; and of both streams STEP blocks, if any. The words stay in
 * memory: streams can have half of the registers alone, and what is moved out of these for others they wait for. */
WIDELY void wide_rounds(Words *state, Words *rows, Beside *beside) {
    volatile Words *const w = rows;
    const Words order = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
    Words a = state[0], b = state[1], c = state[2], d = state[3];
    Words e = state[4], f = state[5], g = state[6], h = state[7];
    __m128i s[2], t[2], s0[2], t0[2], m[2][4];
    if (beside) for (int l = 0; l < 2; l++) load_state(beside->state[l], &s[l], &t[l]);
    transpose(rows);
    UNROLL for (int i = 0; i < 16; i++) rows[i] = _mm512_shuffle_epi8(rows[i], order);
    for (int part = 0; part < 64; part += 16) {
        UNROLL for (int r = 0; r < 16; r++) {
            /* In an order that lets as little as can be wait for the newest e and a: each step takes two cycles. */
            Words now = w[r], early = plus(plus(h, d), plus(now, _mm512_set1_epi32((int)K[part + r])));
            Words chosen = _mm512_ternarylogic_epi32(e, f, g, 0xca); /* e ? f : g */
            Words most = _mm512_sub_epi32(_mm512_ternarylogic_epi32(a, b, c, 0xe8), d);
            Words low = turn3(TURN(e, 6), TURN(e, 11), TURN(e, 25)), high = turn3(TURN(a, 2), TURN(a, 13), TURN(a, 22));
            h = g, g = f, f = e, e = plus(plus(early, chosen), low);
            d = c, c = b, b = a, a = plus(plus(most, e), high);
            if (part < 48) {
                Words x = w[(r + 1) & 15], y = w[(r + 14) & 15];
                x = turn3(TURN(x, 7), TURN(x, 18), _mm512_srli_epi32(x, 3));
                y = turn3(TURN(y, 17), TURN(y, 19), _mm512_srli_epi32(y, 10));
                w[r] = plus(plus(now, x), plus(w[(r + 9) & 15], y));
            }
            if (!beside) continue;
            UNROLL for (int l = 0; l < 2; l++) {
                if (r % 8 == 0) s0[l] = s[l], t0[l] = t[l], load_block(beside->data[l], m[l]), beside->data[l] += 64;
                four_rounds(2 * r % 16, m[l], &s[l], &t[l]);
                four_rounds(2 * r % 16 + 1, m[l], &s[l], &t[l]);
                if (r % 8 == 7) s[l] = _mm_add_epi32(s[l], s0[l]), t[l] = _mm_add_epi32(t[l], t0[l]);
            }
        }
    }
    state[0] = plus(state[0], a), state[1] = plus(state[1], b), state[2] = plus(state[2], c);
    state[3] = plus(state[3], d), state[4] = plus(state[4], e), state[5] = plus(state[5], f);
    state[6] = plus(state[6], g), state[7] = plus(state[7], h);
    if (!beside) return;
    for (int l = 0; l < 2; l++) store_state(beside->state[l], s[l], t[l]);
    beside->blocks -= STEP;
}

static WITH_AVX512 void wide_block(Words *state, Words *w) { wide_rounds(state, w, NULL); }
static WITH_AVX512 void wide_block_beside(Words *state, Words *w, Beside *beside) { wide_rounds(state, w, beside); }

/* Digests of WIDE pieces in a row, each of `size` bytes behind a prefix. All are read before a digest is written; what a
 * mask leaves out of a row is not touched. */
static WITH_AVX512 void wide(const uint8_t *data, size_t size, uint8_t prefix, uint8_t *digests, Beside *beside) {
    Words state[8], w[16];
    size_t whole = (size + 1) / 64, rest = (size + 1) % 64, blocks = (size + 73) / 64;
    uint64_t bits = __builtin_bswap64((uint64_t)(size + 1) * 8);
    for (int i = 0; i < 8; i++) state[i] = _mm512_set1_epi32((int)START[i]);
    for (size_t b = 0; b < blocks; b++) {
        uint64_t mask = b < whole ? ~0ULL : b == whole ? (1ULL << rest) - 1 : 0;
        const uint8_t *row = data + b * 64 - 1;
        uintptr_t soon = (uintptr_t)row + (b * 64 + SOON < size ? SOON : SOON + (WIDE - 1) * size);
        if (b > 0 && b < whole) {
            UNROLL for (int l = 0; l < WIDE; l++, row += size, soon += size) {
                w[l] = _mm512_loadu_si512((const void *)row);
                _mm_prefetch((const char *)soon, _MM_HINT_T0);
            }
        } else {
            uint8_t edge[64] = {0};
            if (b == 0) edge[0] = prefix, mask &= ~1ULL;
            if (b == whole) edge[rest] = 0x80;
            if (b + 1 == blocks) memcpy(edge + 56, &bits, 8);
            const Words added = _mm512_loadu_si512((const void *)edge);
            for (int l = 0; l < WIDE; l++, row += size)
                w[l] = _mm512_or_si512(_mm512_maskz_loadu_epi8(mask, (const void *)row), added);
        }
        if (beside && beside->blocks >= STEP) wide_block_beside(state, w, beside);
        else wide_block(state, w);
    }
    const Words order = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
    for (int i = 0; i < 16; i++) w[i] = i < 8 ? state[i] : _mm512_setzero_si512();
    transpose(w);
    for (size_t l = 0; l < WIDE; l++)
        _mm256_storeu_si256((__m256i *)(digests + 32 * l), _mm512_castsi512_si256(_mm512_shuffle_epi8(w[l], order)));
}

WIDELY Words plus64(Words x, Words y) { return _mm512_add_epi64(x, y); }
WIDELY Words times(Words x, Words y) { return _mm512_mul_epu32(x, y); } /* of the low halves */
WIDELY Words half_of(Words x) { return _mm512_srli_epi64(x, 32); }

/* fl_add_mean of eight values at a time, up to the first eight that do not all fit. */
static WITH_AVX512 size_t wide_mean(uint8_t *model, const uint8_t *base, const uint8_t *sums, size_t n, uint64_t half,
                                    uint64_t factor, int first, int second) {
    const Words low = _mm512_set1_epi64((long long)factor), high = half_of(low), mask = _mm512_set1_epi64(0xffffffff);
    const Words more = _mm512_set1_epi64((long long)half);
    const __m128i one = _mm_cvtsi32_si128(first), two = _mm_cvtsi32_si128(second);
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        const Words sum = _mm512_loadu_si512((const void *)(sums + 8 * i)), sign = _mm512_srai_epi64(sum, 63);
        const Words before = _mm512_cvtepi32_epi64(_mm256_loadu_si256((const __m256i *)(base + 4 * i)));
        Words size = plus64(_mm512_sub_epi64(_mm512_xor_si512(sum, sign), sign), more), top = half_of(size);
        Words middle = plus64(times(high, size), half_of(times(low, size)));
        Words other = plus64(times(low, top), _mm512_and_si512(middle, mask));
        Words part = plus64(plus64(times(high, top), half_of(middle)), half_of(other));
        size = _mm512_srl_epi64(plus64(part, _mm512_srl_epi64(_mm512_sub_epi64(size, part), one)), two);
        Words value = plus64(_mm512_sub_epi64(_mm512_xor_si512(size, sign), sign), before);
        __m256i after = _mm512_cvtepi64_epi32(value);
        if (_mm512_cmpneq_epi64_mask(_mm512_cvtepi32_epi64(after), value)) break;
        _mm256_storeu_si256((__m256i *)(model + 4 * i), after);
    }
    return i;
}
#define HAS_WIDE 1

#elif defined(__aarch64__) && (defined(__ARM_FEATURE_SHA2) || defined(__ARM_FEATURE_CRYPTO))
#include <arm_neon.h>
#define WITH_SHA

INLINE void rounds(const int n, uint32_t *const *s, const Run *runs, size_t blocks) {
    uint32x4_t a[LANES], e[LANES];
    for (int l = 0; l < n; l++) {
        a[l] = vld1q_u32(s[l]);
        e[l] = vld1q_u32(s[l] + 4);
    }
    for (size_t b = 0; b < blocks; b++) {
        uint32x4_t w[LANES][4], a0[LANES], e0[LANES];
        for (int l = 0; l < n; l++) {
            const uint8_t *p = block_of(&runs[l], b, blocks);
            a0[l] = a[l];
            e0[l] = e[l];
            UNROLL for (int i = 0; i < 4; i++) w[l][i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(p + 16 * i)));
        }
        UNROLL for (int r = 0; r < 16; r++) {
            const uint32x4_t k = vld1q_u32(K + 4 * r);
            UNROLL for (int l = 0; l < n; l++) {
                uint32x4_t *m = w[l], before = a[l], x = vaddq_u32(m[r & 3], k);
                a[l] = vsha256hq_u32(a[l], e[l], x);
                e[l] = vsha256h2q_u32(e[l], before, x);
                if (r < 12) {
                    uint32x4_t next = vsha256su0q_u32(m[r & 3], m[(r + 1) & 3]);
                    m[r & 3] = vsha256su1q_u32(next, m[(r + 2) & 3], m[(r + 3) & 3]);
                }
            }
        }
        for (int l = 0; l < n; l++) {
            a[l] = vaddq_u32(a[l], a0[l]);
            e[l] = vaddq_u32(e[l], e0[l]);
        }
    }
    for (int l = 0; l < n; l++) {
        vst1q_u32(s[l], a[l]);
        vst1q_u32(s[l] + 4, e[l]);
    }
}

#if defined(__linux__)
#include <sys/auxv.h>
static int features(void) { return getauxval(16 /* AT_HWCAP */) >> 6 & 1 /* HWCAP_SHA2 */ ? SHA : 0; }
#else
static int features(void) { return SHA; } /* every ARM64 that macOS runs on */
#endif

#else
#define WITH_SHA
INLINE void rounds(const int n, uint32_t *const *s, const Run *runs, size_t blocks) {
    (void)n, (void)s, (void)runs, (void)blocks; /* never called: no SHA among the features */
}
static int features(void) { return 0; }
#endif

static WITH_SHA void one(uint32_t *const *s, const Run *runs, size_t blocks) { rounds(1, s, runs, blocks); }
static WITH_SHA void two(uint32_t *const *s, const Run *runs, size_t blocks) { rounds(2, s, runs, blocks); }
static WITH_SHA void three(uint32_t *const *s, const Run *runs, size_t blocks) { rounds(3, s, runs, blocks); }

/* ---- Messages: blocks whole, then their pieces with a prefix, each to the next free lane ---- */

typedef struct {
    const uint8_t *const *data;
    const size_t *sizes, *skips; /* of a block: its length, and how much of it stands before its first piece */
    size_t count;
    size_t piece; /* bytes of a piece; 0: no pieces */
    uint8_t prefix;
    uint8_t *digests, *pieces; /* where digests go: of blocks (NULL: none) and of pieces */
    size_t block, at;          /* what comes next */
} Queue;

typedef struct {
    const uint8_t *data;
    uint8_t *digest;
    size_t size, total, blocks, done; /* bytes, bytes with the prefix, blocks of 64 with padding, and those hashed */
    size_t prefixed;
    uint8_t prefix, head[64], tail[64];
    uint32_t state[8];
} Lane;

static void begin(Lane *lane, const uint8_t *data, size_t size, size_t prefixed, uint8_t prefix, uint8_t *digest) {
    lane->data = data, lane->size = size, lane->prefixed = prefixed, lane->prefix = prefix, lane->digest = digest;
    lane->total = size + prefixed, lane->blocks = (lane->total + 72) / 64, lane->done = 0;
    memcpy(lane->state, START, 32);
}

/* The next message of the queue; 0 at its end. */
static int take(Queue *q, Lane *lane) {
    if (q->digests && q->block < q->count) {
        begin(lane, q->data[q->block], q->sizes[q->block], 0, 0, q->digests);
        q->block++, q->digests += 32;
        return 1;
    }
    if (q->digests) q->digests = NULL, q->block = 0;
    for (; q->piece && q->block < q->count; q->block++, q->at = 0) {
        size_t from = (q->skips ? q->skips[q->block] : 0) + q->at, size = q->sizes[q->block];
        if (from >= size) continue;
        size = size - from < q->piece ? size - from : q->piece;
        begin(lane, q->data[q->block] + from, size, 1, q->prefix, q->pieces);
        q->at += size, q->pieces += 32;
        return 1;
    }
    return 0;
}

/* Block number `at` of a message, made up in `room`: one at its end, or one that begins with the prefix. */
static const uint8_t *edge(const Lane *lane, size_t at, uint8_t *room) {
    size_t from = 64 * at, head = at == 0 ? lane->prefixed : 0;
    size_t have = from >= lane->total ? 0 : lane->total - from < 64 ? lane->total - from : 64;
    if (have == 64 && head == 1) { /* nearly every first one, without a call */
        room[0] = lane->prefix;
        memcpy(room + 1, lane->data, 63);
        return room;
    }
    memset(room, 0, 64);
    if (head) room[0] = lane->prefix;
    if (have == 1 && !head) room[0] = lane->data[lane->size - 1];
    else if (have > head) memcpy(room + head, lane->data + (from + head - lane->prefixed), have - head);
    if (have < 64 && from <= lane->total) room[have] = 0x80;
    if (at + 1 == lane->blocks) {
        uint64_t bits = __builtin_bswap64((uint64_t)lane->total * 8);
        memcpy(room + 56, &bits, 8);
    }
    return room;
}

/* How many of the lane's next blocks are hashed at once, at most: those in its data, and the one behind them. */
static size_t most(const Lane *lane) {
    size_t whole = lane->total / 64;
    return lane->done < whole ? whole + 1 - lane->done : 1;
}

/* Where so many of them are. */
static Run next(Lane *lane, size_t blocks) {
    size_t whole = lane->total / 64, done = lane->done, end = done + blocks;
    const uint8_t *between = lane->data + (64 * (done + 1) - lane->prefixed);
    int made = done >= whole || (done == 0 && lane->prefixed);
    Run run = {made ? edge(lane, done, lane->head) : between - 64, between, NULL};
    if (blocks > 1) run.last = end > whole ? edge(lane, end - 1, lane->tail) : between + 64 * (blocks - 2);
    return run;
}

static void finish(Lane *lane) {
    for (int i = 0; i < 8; i++) {
        uint32_t word = __builtin_bswap32(lane->state[i]);
        memcpy(lane->digest + 4 * i, &word, 4);
    }
}

/* Hashes what the first `busy` lanes have begun, and the queue's messages. */
static void run_on(Queue *q, Lane *room, size_t busy) {
    Compress *const compress[LANES + 1] = {NULL, one, two, three};
    Lane *lane[LANES] = {&room[0], &room[1], &room[2]};
    while (busy < LANES && take(q, lane[busy])) busy++;
    while (busy) {
        uint32_t *states[LANES];
        Run runs[LANES];
        size_t blocks = SIZE_MAX;
        for (size_t l = 0; l < busy; l++) blocks = most(lane[l]) < blocks ? most(lane[l]) : blocks;
        for (size_t l = 0; l < busy; l++) states[l] = lane[l]->state, runs[l] = next(lane[l], blocks);
        compress[busy](states, runs, blocks);
        for (size_t l = 0; l < busy; l++) lane[l]->done += blocks;
        for (size_t l = 0; l < busy;) {
            if (lane[l]->done < lane[l]->blocks) { l++; continue; }
            finish(lane[l]);
            if (take(q, lane[l])) { l++; continue; }
            Lane *idle = lane[l];
            lane[l] = lane[--busy], lane[busy] = idle;
        }
    }
}

static void run(Queue *q) {
    Lane room[LANES];
    run_on(q, room, 0);
}

#ifndef HAS_WIDE
static void wide(const uint8_t *data, size_t size, uint8_t prefix, uint8_t *digests, Beside *beside) {
    (void)data, (void)size, (void)prefix, (void)digests, (void)beside; /* never called: no AVX512 among the features */
}
static size_t wide_mean(uint8_t *model, const uint8_t *base, const uint8_t *sums, size_t n, uint64_t half,
                        uint64_t factor, int first, int second) {
    (void)model, (void)base, (void)sums, (void)n, (void)half, (void)factor, (void)first, (void)second;
    return 0; /* the same */
}
#endif

/* Digests of the pieces of block b: as many as go side by side, then the few that are left. Where the next go. */
static uint8_t *hash_pieces(const Queue *all, size_t b, uint8_t *digests, Beside *beside) {
    const size_t piece = all->piece, skip = all->skips ? all->skips[b] : 0;
    size_t left = all->sizes[b] > skip ? all->sizes[b] - skip : 0;
    const uint8_t *data = all->data[b] + (left ? skip : 0);
    for (; left / WIDE >= piece; data += WIDE * piece, left -= WIDE * piece, digests += WIDE * 32)
        wide(data, piece, all->prefix, digests, beside);
    Queue few = {&data, &left, NULL, 1, piece, all->prefix, NULL, digests, 0, 0};
    run(&few);
    return digests + 32 * (left / piece + (left % piece > 0));
}

/* Digests of blocks b and b + 1 and of their pieces: the SHA unit has the blocks while the pieces go side by side. */
static uint8_t *hash_pair(const Queue *all, size_t b, uint8_t *digests) {
    Queue none = {NULL, NULL, NULL, 0, 0, 0, NULL, NULL, 0, 0};
    Lane lane[LANES];
    size_t least = all->sizes[b] < all->sizes[b + 1] ? all->sizes[b] : all->sizes[b + 1];
    for (size_t l = 0; l < 2; l++)
        begin(&lane[l], all->data[b + l], all->sizes[b + l], 0, 0, all->digests + 32 * (b + l));
    Beside beside = {{lane[0].state, lane[1].state}, {lane[0].data, lane[1].data}, least / 64};
    for (size_t l = 0; l < 2; l++) digests = hash_pieces(all, b + l, digests, &beside);
    for (size_t l = 0; l < 2; l++) lane[l].done = least / 64 - beside.blocks;
    run_on(&none, lane, 2);
    return digests;
}

/* ---- What is called ---- */

EXPORT int fl_version(void) { return FL_VERSION; }
EXPORT int fl_features(void) { return features(); }

/* Digests of blocks (unless NULL), and of their pieces of `piece` bytes behind a prefix (unless piece is 0). */
EXPORT void fl_hash(int wide, const uint8_t *const *data, const size_t *sizes, const size_t *skips, size_t count,
                    size_t piece, uint8_t prefix, uint8_t *digests, uint8_t *pieces) {
    const Queue all = {data, sizes, skips, count, piece, prefix, digests, pieces, 0, 0};
    const size_t pairs = wide && piece && digests ? count / 2 * 2 : 0;
    for (size_t b = 0; b < pairs; b += 2) pieces = hash_pair(&all, b, pieces);
    if (digests) digests += 32 * pairs;
    Queue rest = {data + pairs, sizes + pairs, skips ? skips + pairs : NULL, count - pairs, wide ? 0 : piece, prefix,
                  digests, pieces, 0, 0};
    run(&rest);
    for (size_t b = pairs; wide && piece && b < count; b++) pieces = hash_pieces(&all, b, pieces, NULL);
}

/* Adds n leaf hashes to a tree of `leaves` leaves (pure.grow). They stand behind one free place, and are overwritten:
 * a level's pairs become the next level's nodes in the same place, and lanes of one length never overtake others; of
 * WIDE side by side all are read before one is written. */
EXPORT void fl_grow(int wide, uint8_t *peaks, uint64_t leaves, uint8_t *nodes, size_t n) {
    for (; n; leaves >>= 1, peaks += 32) {
        const uint8_t *first = nodes + 32;
        if (leaves & 1) memcpy(nodes, peaks, 32), first = nodes, n++;
        if (n & 1) memcpy(peaks, first + 32 * (n - 1), 32);
        size_t bytes = 64 * (n /= 2);
        fl_hash(wide, &first, &bytes, NULL, 1, 64, 1, NULL, nodes + 32);
    }
}

/* found: largest magnitude, and the sums of the low and the high halves of all squares. For n below 2^32. */
INLINE void survey(const uint8_t *values, size_t n, uint64_t *found) {
    uint32_t largest = 0;
    uint64_t low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits, size;
        memcpy(&bits, values + 4 * i, 4);
        size = bits >> 31 ? 0 - bits : bits;
        uint64_t square = (uint64_t)size * size;
        largest = size > largest ? size : largest;
        low += square & 0xffffffff;
        high += square >> 32;
    }
    found[0] = largest, found[1] = low, found[2] = high;
}

INLINE void add_weighted(uint8_t *total, const uint8_t *values, size_t n, int32_t weight) {
    for (size_t i = 0; i < n; i++) {
        int32_t value;
        uint64_t sum;
        memcpy(&value, values + 4 * i, 4);
        memcpy(&sum, total + 8 * i, 8);
        sum += (uint64_t)((int64_t)value * weight);
        memcpy(total + 8 * i, &sum, 8);
    }
}

#if defined(__SIZEOF_INT128__)
INLINE uint64_t high(uint64_t a, uint64_t b) { return (uint64_t)((unsigned __int128)a * b >> 64); }
#else
INLINE uint64_t high(uint64_t a, uint64_t b) {
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    return a1 * b1 + (middle >> 32) + (other >> 32);
}
#endif

/* model = base + sums / divisor, rounded half away from zero, up to the first value that does not fit into int32; how
 * many do. Divides by multiplying, exactly for every numerator of 64 bits (T. Granlund and P. Montgomery, Division by
 * Invariant Integers using Multiplication, PLDI 1994, figure 4.1): half is floor(divisor / 2), bits ceil(log2 divisor),
 * and factor floor(2^64 (2^bits - divisor) / divisor) + 1. */
EXPORT size_t fl_add_mean(int wide, uint8_t *model, const uint8_t *base, const uint8_t *sums, size_t n, uint64_t half,
                          uint64_t factor, int bits) {
    const int first = bits > 0, second = bits > 0 ? bits - 1 : 0;
    size_t i = wide ? wide_mean(model, base, sums, n, half, factor, first, second) : 0;
    for (; i < n; i++) {
        uint64_t sum, sign, size, part, value;
        int32_t before, after;
        memcpy(&sum, sums + 8 * i, 8);
        memcpy(&before, base + 4 * i, 4);
        sign = 0 - (sum >> 63);
        size = ((sum ^ sign) - sign) + half;
        part = high(factor, size);
        size = (part + ((size - part) >> first)) >> second;
        value = ((size ^ sign) - sign) + (uint64_t)(int64_t)before;
        after = (int32_t)(uint32_t)value;
        if ((uint64_t)(int64_t)after != value) return i;
        memcpy(model + 4 * i, &after, 4);
    }
    return n;
}

#if defined(__x86_64__)
#define WITH_AVX2 __attribute__((target("avx2")))
static WITH_AVX2 void survey_wide(const uint8_t *values, size_t n, uint64_t *found) { survey(values, n, found); }
static WITH_AVX2 void add_wide(uint8_t *total, const uint8_t *values, size_t n, int32_t weight) {
    add_weighted(total, values, n, weight);
}
#else
#define survey_wide survey
#define add_wide add_weighted
#endif

EXPORT void fl_survey(int wide, const uint8_t *values, size_t n, uint64_t *found) {
    if (wide) survey_wide(values, n, found);
    else survey(values, n, found);
}

EXPORT void fl_add_weighted(int wide, uint8_t *total, const uint8_t *values, size_t n, int32_t weight) {
    if (wide) add_wide(total, values, n, weight);
    else add_weighted(total, values, n, weight);
}
