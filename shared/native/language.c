/* The strategy language over panels [rows x instruments]: the element-wise machine, windows over rows, and the row's
 * cross-section. Every value is computed from its own window or row alone, in one fixed order, so that it never depends
 * on the range asked for; sums across a row run in the order of stock codes, so that columns may be permuted. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

#define BLOCK 256
#define AHEAD 4096 /* bytes of a plane fetched before they are read */
#define LANES 32
#define HUGE_FINITE 1.7976931348623157e308
#define NO_VALUE ((double)NAN)

typedef int64_t i64;
typedef double vec __attribute__((vector_size(LANES * 8), aligned(32)));
typedef int64_t mask __attribute__((vector_size(LANES * 8), aligned(32)));

static inline double finite(double v) { return fabs(v) <= HUGE_FINITE ? v : NO_VALUE; }

/* ---- the element-wise machine ---- */

enum { /* in the order of OPCODES in shared/language/compiler.py */
    LOAD, CONST8, CONST4, WIDEN, NARROW, ADD, SUB, MUL, DIV, NEG, ABS, LOG, SQRT, SIGN, MIN, MAX, SELECT, COALESCE, SETTLE,
    NULL8, NULL4, LT4, LE4, EQ4, NE4, AND, OR, NOT, FINITE4
};

/* log(m 2^k) = k ln 2 + 2 atanh(s) with m in [sqrt(1/2), sqrt(2)) and s = (m - 1) / (m + 1); the same bits everywhere. */
static inline double logarithm(double x) {
    if (!(x > 0.0) || x > HUGE_FINITE) return NO_VALUE;
    double k = 0.0;
    if (x < 2.2250738585072014e-308) {
        x *= 18014398509481984.0;
        k = -54.0;
    }
    uint64_t bits;
    memcpy(&bits, &x, 8);
    i64 exponent = (i64)(bits >> 52) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
    double m;
    memcpy(&m, &bits, 8);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent += 1;
    }
    k += (double)exponent;
    double f = m - 1.0, s = f / (2.0 + f), z = s * s, series = 1.0 / 23.0;
    for (int i = 21; i >= 3; i -= 2) series = series * z + 1.0 / (double)i;
    double half = 0.5 * f * f; /* 2 atanh(s) = f - (f^2/2 - s (f^2/2 + 2 z series)) keeps the leading bits of f */
    double low = k * 1.90821492927058770002e-10;
    return k * 6.93147180369123816490e-01 - ((half - (s * (half + 2.0 * z * series) + low)) - f);
}

#define EACH for (i64 i = 0; i < w; i++)

static void step(int op, i64 w, void *restrict to, const void *pa, const void *pb, const void *pc) {
    double *restrict o8 = to;
    float *restrict o4 = to;
    uint8_t *restrict o1 = to;
    const double *a8 = pa, *b8 = pb, *c8 = pc;
    const float *a4 = pa, *b4 = pb;
    const uint8_t *a1 = pa, *b1 = pb;
    switch (op) {
    case WIDEN: EACH o8[i] = (double)a4[i]; break;
    case NARROW: EACH o4[i] = (float)a8[i]; break;
    case ADD: EACH o8[i] = finite(a8[i] + b8[i]); break;
    case SUB: EACH o8[i] = finite(a8[i] - b8[i]); break;
    case MUL: EACH o8[i] = finite(a8[i] * b8[i]); break;
    case DIV: EACH o8[i] = finite(a8[i] / b8[i]); break;
    case NEG: EACH o8[i] = -a8[i]; break;
    case ABS: EACH o8[i] = fabs(a8[i]); break;
    case LOG: EACH o8[i] = logarithm(a8[i]); break;
    case SQRT: EACH o8[i] = a8[i] >= 0.0 ? sqrt(a8[i]) : NO_VALUE; break;
    case SIGN: EACH o8[i] = a8[i] > 0.0 ? 1.0 : (a8[i] < 0.0 ? -1.0 : (a8[i] == 0.0 ? 0.0 : NO_VALUE)); break;
    case MIN: EACH o8[i] = (a8[i] < b8[i] || a8[i] != a8[i]) ? a8[i] : b8[i]; break;
    case MAX: EACH o8[i] = (a8[i] > b8[i] || a8[i] != a8[i]) ? a8[i] : b8[i]; break;
    case SELECT: EACH o8[i] = a1[i] ? b8[i] : c8[i]; break;
    case COALESCE: EACH o8[i] = a8[i] == a8[i] ? a8[i] : b8[i]; break;
    case SETTLE: EACH o8[i] = fabs(a8[i] - b8[i]) < 1e-9 * fabs(b8[i]) ? b8[i] : a8[i]; break; /* noise is no change */
    case NULL8: EACH o1[i] = a8[i] != a8[i]; break;
    case NULL4: EACH o1[i] = a4[i] != a4[i]; break;
    case LT4: EACH o1[i] = a4[i] < b4[i]; break;
    case LE4: EACH o1[i] = a4[i] <= b4[i]; break;
    case EQ4: EACH o1[i] = a4[i] == b4[i]; break;
    case NE4: EACH o1[i] = (a4[i] < b4[i]) | (a4[i] > b4[i]); break;
    case AND: EACH o1[i] = a1[i] & b1[i]; break;
    case OR: EACH o1[i] = a1[i] | b1[i]; break;
    case NOT: EACH o1[i] = a1[i] ^ 1; break;
    case FINITE4: EACH o4[i] = fabsf(a4[i]) <= 3.4028234663852886e38f ? a4[i] : (float)NAN; break;
    default: break;
    }
}

/* Prepare a bound program for the functions below. */
void language_bind(const bound_program *f) {
    double *nothing = (double *)f->nothing;
    float *narrow = (float *)(nothing + BLOCK);
    for (i64 i = 0; i < BLOCK; i++) {
        nothing[i] = NO_VALUE;
        narrow[i] = (float)NAN;
    }
    for (i64 k = 0; k < f->n_constants; k++) {
        const int32_t *c = f->code + 5 * k;
        char *to = f->memory + (i64)c[1] * BLOCK * 8;
        for (i64 i = 0; i < BLOCK; i++) {
            if (c[0] == CONST8) ((double *)to)[i] = f->constants[c[2]];
            else ((float *)to)[i] = (float)f->constants[c[2]];
        }
        f->value[c[1]] = to;
    }
}

static const char *source(const i64 *plane, i64 r) {
    if (r >= plane[2]) return (const char *)(intptr_t)plane[0] + (r - plane[2]) * plane[1];
    return 0;
}

/* Fills a block with the one value of a row. */
static void repeat(const char *from, i64 bytes, i64 w, void *to) {
    if (bytes == 8) for (i64 i = 0; i < w; i++) ((double *)to)[i] = *(const double *)from;
    else if (bytes == 4) for (i64 i = 0; i < w; i++) ((float *)to)[i] = *(const float *)from;
    else memset(to, *(const uint8_t *)from, (size_t)w);
}

/* Row r of the planes, whole. */
static void run_row(const bound_program *f, i64 r, char *out) {
    const void **value = f->value;
    const i64 last = f->code[5 * (f->n_code - 1) + 1];
    for (i64 at = 0; at < f->cols; at += BLOCK) {
        i64 w = f->cols - at < BLOCK ? f->cols - at : BLOCK;
        char *answer = out + at * f->bytes;
        for (i64 k = f->n_constants; k < f->n_code; k++) {
            const int32_t *c = f->code + 5 * k;
            if (c[0] == LOAD) {
                const i64 *plane = f->planes + 5 * c[2];
                const char *here = source(plane, r);
                if (!here) {
                    value[c[1]] = plane[3] == 8 ? f->nothing : f->nothing + BLOCK * 8;
                    continue;
                }
                if (!plane[4]) {
                    char *block = f->memory + (i64)c[1] * BLOCK * 8;
                    repeat(here, plane[3], w, block);
                    value[c[1]] = block;
                    continue;
                }
                here += at * plane[3];
                for (i64 line = 0; line < w * plane[3]; line += 64) __builtin_prefetch(here + AHEAD + line);
                value[c[1]] = here;
                continue;
            }
            char *to = c[1] == last ? answer : f->memory + (i64)c[1] * BLOCK * 8;
            step(c[0], w, to, value[c[2]], value[c[3]], value[c[4]]);
            value[c[1]] = to;
        }
        if (value[last] != answer) memcpy(answer, value[last], (size_t)(w * f->bytes));
    }
}

/* The value of every column on a row of the dataset. */
void language_row(const bound_program *f, i64 row, void *out) { run_row(f, row - f->first, out); }

/* The values of `n` columns on a row of the dataset, in their order. */
void language_cells(const bound_program *f, i64 row, const int32_t *columns, i64 n, void *out) {
    const void **value = f->value;
    const i64 last = f->code[5 * (f->n_code - 1) + 1], r = row - f->first;
    for (i64 at = 0; at < n; at += BLOCK) {
        const i64 w = n - at < BLOCK ? n - at : BLOCK;
        const int32_t *column = columns + at;
        for (i64 k = f->n_constants; k < f->n_code; k++) {
            const int32_t *c = f->code + 5 * k;
            char *to = f->memory + (i64)c[1] * BLOCK * 8;
            value[c[1]] = to;
            if (c[0] != LOAD) {
                step(c[0], w, to, value[c[2]], value[c[3]], value[c[4]]);
                continue;
            }
            const i64 *plane = f->planes + 5 * c[2];
            const char *from = source(plane, r);
            if (!from) value[c[1]] = plane[3] == 8 ? f->nothing : f->nothing + BLOCK * 8;
            else if (!plane[4]) repeat(from, plane[3], w, to);
            else if (plane[3] == 8) EACH ((double *)to)[i] = ((const double *)from)[column[i]];
            else if (plane[3] == 4) EACH ((float *)to)[i] = ((const float *)from)[column[i]];
            else EACH ((uint8_t *)to)[i] = ((const uint8_t *)from)[column[i]];
        }
        memcpy((char *)out + at * f->bytes, value[last], (size_t)(w * f->bytes));
    }
}

/* Whole rows [0, rows) of the planes. */
void language_run(const bound_program *f, i64 rows, char *out, i64 out_stride) {
    for (i64 r = 0; r < rows; r++) run_row(f, r, out + r * out_stride);
}

/* ---- windows over rows ---- */

enum { TS_MEAN, TS_STD, TS_SUM, TS_MIN, TS_MAX, TS_RANK, TS_CORR };

static inline vec choose(mask m, vec a, vec b) { return (vec)((m & (mask)a) | (~m & (mask)b)); }

static void store(char *out, i64 bytes, i64 w, const double *v) {
    for (i64 i = 0; i < w; i++) {
        if (bytes == 8) ((double *)out)[i] = finite(v[i]);
        else ((float *)out)[i] = (float)finite(v[i]);
    }
}

static void fetch(const char *from, i64 stride, i64 bytes, i64 rows, i64 w, int narrow, vec *to) {
    for (i64 r = 0; r < rows; r++, from += stride) {
        double *t = (double *)(to + r);
        for (i64 i = 0; i < w; i++) t[i] = bytes == 8 ? ((const double *)from)[i] : (double)((const float *)from)[i];
        for (i64 i = w; i < LANES; i++) t[i] = 0.0;
        if (narrow) for (i64 i = 0; i < w; i++) t[i] = (double)(float)t[i];
    }
}

#define EVERY for (i64 k = 0; k < n; k++)

static void window(int kind, const vec *x, const vec *y, i64 n, vec *result) {
    const vec zero = {0};
    const double size = (double)n;
    vec sum = zero;
    switch (kind) {
    case TS_MEAN: { /* around the first value: the mean of equal values is that value */
        const vec first = x[0];
        EVERY sum += x[k] - first;
        *result = first + sum / size;
        return;
    }
    case TS_SUM:
        EVERY sum += x[k];
        *result = sum;
        return;
    case TS_MIN:
        sum = x[0];
        EVERY sum = choose((mask)(x[k] < sum) | (mask)(x[k] != x[k]), x[k], sum);
        *result = sum;
        return;
    case TS_MAX:
        sum = x[0];
        EVERY sum = choose((mask)(x[k] > sum) | (mask)(x[k] != x[k]), x[k], sum);
        *result = sum;
        return;
    case TS_STD: { /* likewise: equal values have a deviation of exactly 0 */
        const vec first = x[0];
        EVERY sum += x[k] - first;
        const vec mean = sum / size;
        vec squares = zero;
        EVERY {
            vec d = (x[k] - first) - mean;
            squares += d * d;
        }
        squares = squares / (size - 1.0);
        for (int i = 0; i < LANES; i++) (*result)[i] = n > 1 ? sqrt(squares[i]) : NO_VALUE;
        return;
    }
    case TS_RANK: {
        const vec today = x[n - 1];
        mask less = {0}, equal = {0}, absent = {0};
        EVERY {
            less -= (mask)(x[k] < today);
            equal -= (mask)(x[k] == today);
            absent |= (mask)(x[k] != x[k]);
        }
        vec rank = __builtin_convertvector(less, vec) + (__builtin_convertvector(equal, vec) - 1.0) * 0.5;
        *result = choose(absent, zero + NO_VALUE, rank / (size - 1.0));
        return;
    }
    default: {
        const vec first = x[0], other = y[0];
        vec total = zero;
        EVERY {
            sum += x[k] - first;
            total += y[k] - other;
        }
        const vec mean = sum / size, middle = total / size;
        vec xx = zero, yy = zero, xy = zero;
        EVERY {
            vec d = (x[k] - first) - mean, e = (y[k] - other) - middle;
            xx += d * d;
            yy += e * e;
            xy += d * e;
        }
        for (int i = 0; i < LANES; i++) {
            double c = xx[i] > 0.0 && yy[i] > 0.0 ? xy[i] / (sqrt(xx[i]) * sqrt(yy[i])) : NO_VALUE;
            (*result)[i] = c > 1.0 ? 1.0 : (c < -1.0 ? -1.0 : c);
        }
        return;
    }
    }
}

/* x, y: rows [-have, rows) of the arguments, strides and element sizes in bytes. Rows with fewer than n rows behind them
 * are absent. Returns 0, or 1 without memory. */
int language_window(int kind, const char *x, i64 x_stride, i64 x_bytes, const char *y, i64 y_stride, i64 y_bytes, i64 have,
                    i64 rows, i64 cols, i64 n, char *out, i64 out_stride, i64 out_bytes) {
    size_t size = (size_t)(have + rows) * sizeof(vec);
    vec *one = aligned_alloc(sizeof(vec), size), *two = y ? aligned_alloc(sizeof(vec), size) : NULL;
    if (!one || (y && !two)) {
        free(one);
        free(two);
        return 1;
    }
    for (i64 at = 0; at < cols; at += LANES) {
        i64 w = cols - at < LANES ? cols - at : LANES;
        fetch(x + at * x_bytes, x_stride, x_bytes, have + rows, w, kind == TS_RANK, one);
        if (y) fetch(y + at * y_bytes, y_stride, y_bytes, have + rows, w, 0, two);
        for (i64 r = 0; r < rows; r++) {
            i64 start = have + r + 1 - n;
            vec result;
            if (start < 0) for (int i = 0; i < LANES; i++) result[i] = NO_VALUE;
            else window(kind, one + start, two ? two + start : NULL, n, &result);
            store(out + r * out_stride + at * out_bytes, out_bytes, w, (const double *)&result);
        }
    }
    free(one);
    free(two);
    return 0;
}

/* The exponential mean carried over rows without a value; state: [cols], the carry of the row before (NaN: none yet). */
void language_ema(const double *x, i64 stride, double alpha, i64 rows, i64 cols, double *state, double *out, i64 out_stride) {
    for (i64 r = 0; r < rows; r++, x += stride, out += out_stride) {
        for (i64 i = 0; i < cols; i++) {
            double s = state[i], v = x[i], next = s + alpha * (v - s);
            next = s != s ? v : (v != v ? s : next);
            state[i] = out[i] = finite(next);
        }
    }
}

/* ---- across the row ---- */

static inline uint32_t key_of(float v) {
    uint32_t u;
    v += 0.0f; /* -0 is 0 */
    memcpy(&u, &v, 4);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

static inline uint64_t wide_key_of(double v) {
    uint64_t u;
    v += 0.0;
    memcpy(&u, &v, 8);
    return u >> 63 ? ~u : u | 1ull << 63;
}

static inline double wide_value_of(uint64_t key) {
    double v;
    key = key >> 63 ? key & ~(1ull << 63) : ~key;
    memcpy(&v, &key, 8);
    return v;
}

#define DIGIT 11
#define BUCKETS (1 << DIGIT)

/* Sorts m items by their `bits` lowest bits above `shift`; returns where the sorted items are (a or b). */
static uint64_t *sorted(uint64_t *a, uint64_t *b, i64 m, int shift, int bits) {
    uint32_t count[BUCKETS];
    for (int low = 0; low < bits; low += DIGIT) {
        int by = shift + low;
        uint64_t digit = low + DIGIT <= bits ? BUCKETS - 1 : (1u << (bits - low)) - 1;
        memset(count, 0, sizeof count);
        for (i64 i = 0; i < m; i++) count[(a[i] >> by) & digit]++;
        if (m && count[(a[0] >> by) & digit] == (uint32_t)m) continue;
        uint32_t total = 0;
        for (uint64_t d = 0; d <= digit; d++) {
            uint32_t c = count[d];
            count[d] = total;
            total += c;
        }
        for (i64 i = 0; i < m; i++) b[count[(a[i] >> by) & digit]++] = a[i];
        uint64_t *swap = a;
        a = b;
        b = swap;
    }
    return a;
}

enum { RANK, RANK_DESC, PCT_RANK };

/* Ranks within the members of a row (and within groups when given: groups [rows][cols], -1 = none, else below 2048); absent
 * elsewhere. Values are float32, ties get their average. Returns 0, or 1 without memory. */
int language_rank(int kind, const float *x, i64 x_stride, const uint8_t *member, i64 member_stride, const int16_t *groups,
                  i64 group_stride, i64 rows, i64 cols, char *out, i64 out_stride, i64 out_bytes) {
    uint64_t *a = malloc((size_t)(cols + 1) * 16), *b = a + cols + 1;
    double *v = malloc((size_t)(cols + 1) * 8);
    if (!a || !v) {
        free(a);
        free(v);
        return 1;
    }
    for (i64 r = 0; r < rows; r++, x += x_stride, member += member_stride, out += out_stride) {
        const int16_t *group = groups ? groups + r * group_stride : NULL;
        i64 m = 0;
        for (i64 i = 0; i < cols; i++) {
            v[i] = NO_VALUE;
            a[m] = (uint64_t)key_of(x[i]) << 32 | (uint64_t)i;
            m += member[i] && x[i] == x[i] && (!group || group[i] >= 0);
        }
        uint64_t *s = sorted(a, b, m, 32, 32);
        if (group) { /* stable, so each group keeps its order; the group takes the place of nothing above the key */
            uint64_t *t = s == a ? b : a;
            uint32_t count[BUCKETS + 1];
            memset(count, 0, sizeof count);
            for (i64 i = 0; i < m; i++) count[group[(uint32_t)s[i]] + 1]++;
            for (int g = 0; g < BUCKETS; g++) count[g + 1] += count[g];
            for (i64 i = 0; i < m; i++) t[count[group[(uint32_t)s[i]]]++] = s[i];
            s = t;
        }
        i64 first = 0; /* of the group */
        while (first < m) {
            i64 end = m;
            if (group) {
                int16_t g = group[(uint32_t)s[first]];
                for (end = first + 1; end < m && group[(uint32_t)s[end]] == g;) end++;
            }
            i64 size = end - first;
            for (i64 i = first; i < end;) {
                i64 j = i + 1;
                while (j < end && s[j] >> 32 == s[i] >> 32) j++;
                double rank = (double)((i - first + 1) + (j - first)) * 0.5;
                if (kind == RANK_DESC) rank = (double)(size + 1) - rank;
                if (kind == PCT_RANK) rank = size > 1 ? (rank - 1.0) / (double)(size - 1) : NO_VALUE;
                for (; i < j; i++) v[(uint32_t)s[i]] = rank;
            }
            first = end;
        }
        store(out, out_bytes, cols, v);
    }
    free(a);
    free(v);
    return 0;
}

static double quantile(const double *s, i64 m, double q) {
    double at = q * (double)(m - 1);
    i64 low = (i64)at;
    if (low >= m - 1) return s[m - 1];
    double t = at - (double)low, d = s[low + 1] - s[low];
    return t >= 0.5 ? s[low + 1] - d * (1.0 - t) : s[low] + d * t;
}

enum { ZSCORE, DEMEAN, SECTOR_DEMEAN, WINSORIZE };

/* Moments of the members of a row, summed in `order` (the columns by stock code). groups as in language_rank; p in
 * percent.
 * Returns 0, or 1 without memory. */
int language_moments(int kind, const double *x, i64 x_stride, const uint8_t *member, i64 member_stride, const int32_t *order,
                     const int16_t *groups, i64 group_stride, i64 group_count, double p, i64 rows, i64 cols, char *out, i64 out_stride,
                     i64 out_bytes) {
    double *v = malloc((size_t)(cols + 1) * 8), *s = malloc((size_t)(cols + 1) * 8);
    uint64_t *a = malloc((size_t)(cols + 1) * 16), *b = a + cols + 1;
    double *moments = malloc((size_t)(group_count + 1) * 24), *first = moments + group_count + 1;
    double *sum = first + group_count + 1;
    int32_t *columns = malloc((size_t)(cols + 1) * 4);
    int failed = !v || !s || !a || !moments || !columns;
    for (i64 r = 0; !failed && r < rows; r++, x += x_stride, member += member_stride, out += out_stride) {
        const int16_t *group = groups ? groups + r * group_stride : NULL;
        i64 m = 0;
        for (i64 i = 0; i < cols; i++) v[i] = NO_VALUE;
        for (i64 k = 0; k < cols; k++) {
            int32_t i = order[k];
            columns[m] = i;
            m += member[i] && x[i] == x[i] && (!group || group[i] >= 0);
        }
        if (kind == WINSORIZE && m) {
            for (i64 k = 0; k < m; k++) a[k] = wide_key_of(x[columns[k]]);
            uint64_t *done = sorted(a, b, m, 0, 64);
            for (i64 k = 0; k < m; k++) s[k] = wide_value_of(done[k]);
            double low = quantile(s, m, p / 100.0), high = quantile(s, m, 1.0 - p / 100.0);
            for (i64 k = 0; k < m; k++) {
                double value = x[columns[k]];
                value = value < low ? low : value;
                v[columns[k]] = value > high ? high : value;
            }
        } else if (kind != WINSORIZE) { /* around the first value, so that equal values differ by exactly 0 */
            double squares = 0.0;
            for (i64 g = 0; g <= group_count; g++) moments[g] = sum[g] = 0.0;
            for (i64 k = 0; k < m; k++) {
                i64 g = kind == SECTOR_DEMEAN ? group[columns[k]] : 0;
                if (moments[g] == 0.0) first[g] = x[columns[k]];
                moments[g] += 1.0;
                sum[g] += x[columns[k]] - first[g];
            }
            for (i64 k = 0; k < m; k++) {
                i64 g = kind == SECTOR_DEMEAN ? group[columns[k]] : 0;
                double d = (x[columns[k]] - first[g]) - sum[g] / moments[g];
                v[columns[k]] = d;
                squares += d * d;
            }
            if (kind == ZSCORE) {
                double deviation = m > 1 ? sqrt(squares / (double)(m - 1)) : 0.0;
                for (i64 k = 0; k < m; k++) v[columns[k]] = v[columns[k]] / deviation; /* by 0 is absent */
            }
        }
        store(out, out_bytes, cols, v);
    }
    free(v);
    free(s);
    free(a);
    free(moments);
    free(columns);
    return failed;
}

enum { ROW_MEAN, ROW_MEDIAN, ROW_SUM };

/* One number for the members of each row that have a value, summed in `order` (the columns by stock code); out: [rows].
 * Returns 0, or 1 without memory. */
int language_aggregate(int kind, const double *x, i64 x_stride, const uint8_t *member, i64 member_stride,
                       const int32_t *order, i64 rows, i64 cols, double *out) {
    double *v = malloc((size_t)(cols + 1) * 8);
    uint64_t *a = malloc((size_t)(cols + 1) * 16), *b = a + cols + 1;
    int failed = !v || !a;
    for (i64 r = 0; !failed && r < rows; r++, x += x_stride, member += member_stride) {
        i64 m = 0;
        for (i64 k = 0; k < cols; k++) {
            int32_t i = order[k];
            v[m] = x[i] + 0.0;
            m += member[i] && x[i] == x[i];
        }
        double sum = 0.0;
        if (kind == ROW_SUM) {
            for (i64 k = 0; k < m; k++) sum += v[k];
            out[r] = finite(sum);
        } else if (!m) {
            out[r] = NO_VALUE;
        } else if (kind == ROW_MEAN) { /* around the first value: the mean of equal values is that value */
            for (i64 k = 0; k < m; k++) sum += v[k] - v[0];
            out[r] = finite(v[0] + sum / (double)m);
        } else {
            for (i64 k = 0; k < m; k++) a[k] = wide_key_of(v[k]);
            uint64_t *s = sorted(a, b, m, 0, 64);
            double low = wide_value_of(s[(m - 1) / 2]), high = wide_value_of(s[m / 2]);
            out[r] = finite(low + (high - low) * 0.5);
        }
    }
    free(v);
    free(a);
    return failed;
}

/* Size of structure `which`; 0 after the last. */
int64_t abi_size(int64_t which) { return which == 0 ? (int64_t)sizeof(bound_program) : 0; }
