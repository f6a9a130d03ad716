/* The work on every byte, natively: SHA-256 of many messages at once, largest magnitude and exact squares, weighted
 * sums. ledger/kernel/pure.py has the same functions; ledger/kernel/native.py calls these, without Python's lock.
 *
 * No function writes anything but what its caller hands it, and none allocates: any number of threads may call.
 * Buffers may have any alignment. fl_features() says what the processor has: without SHA, the functions that hash must
 * not be called (hashlib is twice as fast as plain C); `wide` may be AVX2 then, and is 0 for plain C. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernel is for little-endian processors"
#endif

#ifndef FL_VERSION
#define FL_VERSION 1 /* another number for any change of a function's meaning; native.py has the same */
#endif
#define LANES 3 /* as many streams as keep the SHA unit busy: one waits for itself, four win nothing */
#define SHA 1   /* features: instructions for SHA-256 */
#define AVX2 2

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

typedef void Compress(uint32_t *const *s, const uint8_t *const *data, size_t blocks);

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define WITH_SHA __attribute__((target("sha,sse4.1")))

/* The state's words as the instructions want them, a = ABEF and c = CDGH, the highest word first. */
INLINE WITH_SHA void rounds(const int n, uint32_t *const *s, const uint8_t *const *data, size_t blocks) {
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i a[LANES], c[LANES];
    for (int l = 0; l < n; l++) {
        __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)s[l]), 0xB1);
        __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)s[l] + 1), 0x1B);
        a[l] = _mm_alignr_epi8(abcd, efgh, 8);
        c[l] = _mm_blend_epi16(efgh, abcd, 0xF0);
    }
    for (size_t b = 0; b < blocks; b++) {
        __m128i w[LANES][4], a0[LANES], c0[LANES];
        for (int l = 0; l < n; l++) {
            const __m128i *p = (const __m128i *)(data[l] + 64 * b);
            a0[l] = a[l];
            c0[l] = c[l];
            UNROLL for (int i = 0; i < 4; i++) w[l][i] = _mm_shuffle_epi8(_mm_loadu_si128(p + i), order);
        }
        UNROLL for (int r = 0; r < 16; r++) {
            const __m128i k = _mm_load_si128((const __m128i *)(K + 4 * r));
            UNROLL for (int l = 0; l < n; l++) {
                __m128i *m = w[l], now = m[r & 3], x = _mm_add_epi32(now, k);
                c[l] = _mm_sha256rnds2_epu32(c[l], a[l], x);
                a[l] = _mm_sha256rnds2_epu32(a[l], c[l], _mm_shuffle_epi32(x, 0x0E));
                if (r < 12) {
                    __m128i seven = _mm_alignr_epi8(m[(r + 3) & 3], m[(r + 2) & 3], 4);
                    __m128i next = _mm_add_epi32(_mm_sha256msg1_epu32(now, m[(r + 1) & 3]), seven);
                    m[r & 3] = _mm_sha256msg2_epu32(next, m[(r + 3) & 3]);
                }
            }
        }
        for (int l = 0; l < n; l++) {
            a[l] = _mm_add_epi32(a[l], a0[l]);
            c[l] = _mm_add_epi32(c[l], c0[l]);
        }
    }
    for (int l = 0; l < n; l++) {
        __m128i feba = _mm_shuffle_epi32(a[l], 0x1B), dchg = _mm_shuffle_epi32(c[l], 0xB1);
        _mm_storeu_si128((__m128i *)s[l], _mm_blend_epi16(feba, dchg, 0xF0));
        _mm_storeu_si128((__m128i *)s[l] + 1, _mm_alignr_epi8(dchg, feba, 8));
    }
}

/* By cpuid and xgetbv, since not every compiler's library fills in __builtin_cpu_supports. */
static int features(void) {
    unsigned a, b, c, d, one, seven, saved = 0;
    if (!__get_cpuid_count(1, 0, &a, &b, &one, &d) || !__get_cpuid_count(7, 0, &a, &seven, &c, &d)) return 0;
    if (one >> 27 & 1) __asm__("xgetbv" : "=a"(saved), "=d"(d) : "c"(0));
    int sha = seven >> 29 & one >> 19 & one >> 9 & 1; /* with SSE4.1 and SSSE3 */
    int avx2 = seven >> 5 & one >> 28 & 1 && (saved & 6) == 6; /* and registers that the system keeps */
    return (sha ? SHA : 0) | (avx2 ? AVX2 : 0);
}

#elif defined(__aarch64__) && (defined(__ARM_FEATURE_SHA2) || defined(__ARM_FEATURE_CRYPTO))
#include <arm_neon.h>
#define WITH_SHA

INLINE void rounds(const int n, uint32_t *const *s, const uint8_t *const *data, size_t blocks) {
    uint32x4_t a[LANES], e[LANES];
    for (int l = 0; l < n; l++) {
        a[l] = vld1q_u32(s[l]);
        e[l] = vld1q_u32(s[l] + 4);
    }
    for (size_t b = 0; b < blocks; b++) {
        uint32x4_t w[LANES][4], a0[LANES], e0[LANES];
        for (int l = 0; l < n; l++) {
            a0[l] = a[l];
            e0[l] = e[l];
            UNROLL for (int i = 0; i < 4; i++) {
                w[l][i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data[l] + 64 * b + 16 * i)));
            }
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
INLINE void rounds(const int n, uint32_t *const *s, const uint8_t *const *data, size_t blocks) {
    (void)n, (void)s, (void)data, (void)blocks; /* never called: no SHA among the features */
}
static int features(void) { return 0; }
#endif

static WITH_SHA void one(uint32_t *const *s, const uint8_t *const *data, size_t blocks) { rounds(1, s, data, blocks); }
static WITH_SHA void two(uint32_t *const *s, const uint8_t *const *data, size_t blocks) { rounds(2, s, data, blocks); }
static WITH_SHA void three(uint32_t *const *s, const uint8_t *const *data, size_t blocks) { rounds(3, s, data, blocks); }

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
    uint8_t prefix, edge[64];
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

/* Where the lane's next bytes are, and how many blocks of them: in place, or one at an end of the message, made up. */
static size_t span(Lane *lane, const uint8_t **data) {
    size_t from = 64 * lane->done, head = lane->done == 0 ? lane->prefixed : 0;
    if (!head && from + 64 <= lane->total) {
        *data = lane->data + (from - lane->prefixed);
        return lane->total / 64 - lane->done;
    }
    size_t have = from >= lane->total ? 0 : lane->total - from < 64 ? lane->total - from : 64;
    memset(lane->edge, 0, 64);
    if (head) lane->edge[0] = lane->prefix;
    if (have > head) memcpy(lane->edge + head, lane->data + (from + head - lane->prefixed), have - head);
    if (have < 64 && from <= lane->total) lane->edge[have] = 0x80;
    if (lane->done + 1 == lane->blocks) {
        uint64_t bits = __builtin_bswap64((uint64_t)lane->total * 8);
        memcpy(lane->edge + 56, &bits, 8);
    }
    *data = lane->edge;
    return 1;
}

static void finish(Lane *lane) {
    for (int i = 0; i < 8; i++) {
        uint32_t word = __builtin_bswap32(lane->state[i]);
        memcpy(lane->digest + 4 * i, &word, 4);
    }
}

static void run(Queue *q) {
    Compress *const compress[LANES + 1] = {NULL, one, two, three};
    size_t busy = 0;
    Lane room[LANES], *lane[LANES] = {&room[0], &room[1], &room[2]};
    while (busy < LANES && take(q, lane[busy])) busy++;
    while (busy) {
        uint32_t *states[LANES];
        const uint8_t *data[LANES];
        size_t blocks = SIZE_MAX;
        for (size_t l = 0; l < busy; l++) {
            size_t most = span(lane[l], &data[l]);
            states[l] = lane[l]->state;
            blocks = most < blocks ? most : blocks;
        }
        compress[busy](states, data, blocks);
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

/* ---- What is called ---- */

EXPORT int fl_version(void) { return FL_VERSION; }
EXPORT int fl_features(void) { return features(); }

/* Digests of blocks (unless NULL), and of their pieces of `piece` bytes behind a prefix (unless piece is 0). */
EXPORT void fl_hash(const uint8_t *const *data, const size_t *sizes, const size_t *skips, size_t count, size_t piece,
                    uint8_t prefix, uint8_t *digests, uint8_t *pieces) {
    Queue q = {data, sizes, skips, count, piece, prefix, digests, pieces, 0, 0};
    run(&q);
}

/* Adds n leaf hashes to a tree of `leaves` leaves (pure.grow). They stand behind one free place, and are overwritten:
 * a level's pairs become the next level's nodes in the same place, and lanes of one length never overtake each other. */
EXPORT void fl_grow(uint8_t *peaks, uint64_t leaves, uint8_t *nodes, size_t n) {
    for (; n; leaves >>= 1, peaks += 32) {
        const uint8_t *first = nodes + 32;
        if (leaves & 1) memcpy(nodes, peaks, 32), first = nodes, n++;
        if (n & 1) memcpy(peaks, first + 32 * (n - 1), 32);
        size_t bytes = 64 * (n /= 2);
        fl_hash(&first, &bytes, NULL, 1, 64, 1, NULL, nodes + 32);
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
