/* The dataset's kernels: derived rows, views of a row, and the two byte orders of a chunk.
 *
 * Matrices are days down, instruments across; `stride` counts elements from one day to the next. Every value depends on
 * its own column only, and on rows up to its own, so any part of the instruments gives the same bits. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NEVER_TRADED = 65535, CARRY_ROWS = 60 };

/* Inputs and outputs of dataset_derive: positions in its arrays of matrices, LOADED of shared/model/fields.py first. */
enum { OPEN, HIGH, LOW, CLOSE, VOLUME, TRADING_VALUE, MARKET_CAP, LISTED_SHARES, LOADED };
enum { STATED_SPLIT = LOADED, BASE, INPUTS };
enum { SPLIT = LOADED, LAST, ADJUST, CAP, SHARES, OUTPUTS };

/* Stored rows from loaded ones. All matrices are [rows, n] without padding; `idle` is written beside `out`. BASE is the
 * base price that a row states, NaN elsewhere. A row is tradable when volume and open are above 0; what it states of
 * prices and volumes does not count on any other row, and nothing counts from the day of delisting on.
 * `carried_cap` and `carried_shares` hold n values each while the kernel runs. */
void dataset_derive(int64_t rows, int64_t n, const int32_t *days, const int32_t *delisted,
                    const double *const in[INPUTS], double *const out[OUTPUTS], uint16_t *idle, double *carried_cap,
                    double *carried_shares) {
    for (int64_t i = 0; i < n; i++) carried_cap[i] = carried_shares[i] = NAN;
    for (int64_t d = 0; d < rows; d++) {
        const int64_t now = d * n, before = now - n;
        for (int64_t i = 0; i < n; i++) {
            const int64_t at = now + i;
            const int listed = days[d] < delisted[i];
            const int traded = listed && in[VOLUME][at] > 0 && in[OPEN][at] > 0;
            const double close = in[CLOSE][at];
            const double previous = d ? out[LAST][before + i] : NAN;
            const int known = previous > 0;
            double s = 1;
            if (known && listed) {
                if (in[STATED_SPLIT][at] > 0) {
                    s = in[STATED_SPLIT][at];
                } else if (traded && in[BASE][at] > 0) {
                    s = previous / in[BASE][at];
                    if (fabs(s - 1) <= 0.005 * (1 + 1e-9)) s = 1;
                }
            }
            out[SPLIT][at] = s;
            out[ADJUST][at] = known ? out[ADJUST][before + i] * s : 1;
            out[LAST][at] = traded && close > 0 ? close : known ? previous / s : NAN;
            const uint16_t rows_before = d ? idle[before + i] : NEVER_TRADED;
            const uint16_t idle_now = traded                             ? 0
                                      : rows_before >= NEVER_TRADED - 1 ? rows_before
                                                                         : (uint16_t)(rows_before + 1);
            idle[at] = idle_now;

            const double stated_shares = in[LISTED_SHARES][at], stated_cap = in[MARKET_CAP][at];
            if (stated_shares > 0)
                carried_shares[i] = stated_shares;
            else
                carried_shares[i] = traded ? NAN : carried_shares[i] * s;
            if (stated_cap > 0)
                carried_cap[i] = stated_cap;
            else if (traded)
                carried_cap[i] = close > 0 && stated_shares > 0 ? close * stated_shares : NAN;
            const int present = listed && idle_now <= CARRY_ROWS;
            out[SHARES][at] = present ? carried_shares[i] : NAN;
            out[CAP][at] = present ? carried_cap[i] : NAN;

            for (int field = OPEN; field <= CLOSE; field++) out[field][at] = traded ? in[field][at] : NAN;
            for (int field = VOLUME; field <= TRADING_VALUE; field++)
                out[field][at] = traded ? in[field][at] : present ? 0 : NAN;
            out[MARKET_CAP][at] = listed ? stated_cap : NAN;
            out[LISTED_SHARES][at] = listed ? stated_shares : NAN;
        }
    }
}

/* One view of rows of stored fields; `kind` is the position of the view in VIEWS of shared/model/fields.py. `loaded` is
 * the field that the view reads (ignored by the closes). float64 matrices share `stride`, `idle` has its own. */
void dataset_view(int64_t kind, int64_t rows, int64_t n, const int32_t *days, const int32_t *delisted,
                  const double *loaded, const double *last, const double *adjust, int64_t stride,
                  const uint16_t *idle, int64_t idle_stride, double *out, int64_t out_stride) {
    for (int64_t d = 0; d < rows; d++) {
        const double *x = loaded + d * stride, *l = last + d * stride, *f = adjust + d * stride;
        const uint16_t *a = idle + d * idle_stride;
        double *o = out + d * out_stride;
        for (int64_t i = 0; i < n; i++) {
            const int present = a[i] <= CARRY_ROWS && days[d] < delisted[i];
            const int traded = a[i] == 0;
            double value;
            switch (kind) {
            case 0: case 1: case 2: value = (traded && x[i] > 0 ? x[i] : l[i]) * f[i]; break;
            case 3: value = l[i] * f[i]; break;
            case 4: value = (traded ? x[i] : 0) / f[i]; break;
            case 5: value = traded ? x[i] : 0; break;
            case 6: value = x[i]; break;
            case 7: case 8: case 9: value = traded && x[i] > 0 ? x[i] : l[i]; break;
            case 10: value = l[i]; break;
            default: value = traded ? x[i] : 0; break;
            }
            o[i] = present ? value : NAN;
        }
    }
}

enum { BLOCK = 32 };

#define TO_STOCK_MAJOR(name, type)                                                                                     \
    static void name(int64_t rows, int64_t n, const type *in, int64_t stride, type *out) {                             \
        for (int64_t i0 = 0; i0 < n; i0 += BLOCK)                                                                      \
            for (int64_t d0 = 0; d0 < rows; d0 += BLOCK) {                                                             \
                const int64_t i1 = i0 + BLOCK < n ? i0 + BLOCK : n, d1 = d0 + BLOCK < rows ? d0 + BLOCK : rows;        \
                for (int64_t i = i0; i < i1; i++)                                                                      \
                    for (int64_t d = d0; d < d1; d++) out[i * rows + d] = in[d * stride + i];                          \
            }                                                                                                          \
    }
TO_STOCK_MAJOR(stock_major_2, uint16_t)
TO_STOCK_MAJOR(stock_major_4, uint32_t)
TO_STOCK_MAJOR(stock_major_8, uint64_t)

/* [rows, n] with a stride -> [n, rows] contiguous. `size` is the element size: 2, 4 or 8. */
void dataset_to_stock_major(int64_t size, int64_t rows, int64_t n, const void *in, int64_t stride, void *out) {
    if (size == 2) stock_major_2(rows, n, in, stride, out);
    if (size == 4) stock_major_4(rows, n, in, stride, out);
    if (size == 8) stock_major_8(rows, n, in, stride, out);
}

#define TO_DAY_MAJOR(name, type)                                                                                       \
    static void name(int64_t rows, int64_t n, const type *in, type *out, int64_t stride) {                             \
        for (int64_t d0 = 0; d0 < rows; d0 += BLOCK)                                                                   \
            for (int64_t i0 = 0; i0 < n; i0 += BLOCK) {                                                                \
                const int64_t i1 = i0 + BLOCK < n ? i0 + BLOCK : n, d1 = d0 + BLOCK < rows ? d0 + BLOCK : rows;        \
                for (int64_t d = d0; d < d1; d++)                                                                      \
                    for (int64_t i = i0; i < i1; i++) out[d * stride + i] = in[i * rows + d];                          \
            }                                                                                                          \
    }
TO_DAY_MAJOR(day_major_2, uint16_t)
TO_DAY_MAJOR(day_major_4, uint32_t)
TO_DAY_MAJOR(day_major_8, uint64_t)

/* [n, rows] contiguous -> [rows, n] with a stride. */
void dataset_to_day_major(int64_t size, int64_t rows, int64_t n, const void *in, void *out, int64_t stride) {
    if (size == 2) day_major_2(rows, n, in, out, stride);
    if (size == 4) day_major_4(rows, n, in, out, stride);
    if (size == 8) day_major_8(rows, n, in, out, stride);
}

/* Byte k of every element in plane k: `count` elements of `size` bytes. */
void dataset_shuffle(int64_t size, int64_t count, const uint8_t *in, uint8_t *out) {
    for (int64_t k = 0; k < size; k++) {
        uint8_t *plane = out + k * count;
        for (int64_t i = 0; i < count; i++) plane[i] = in[i * size + k];
    }
}

#define UNSHUFFLE(name, type, width)                                                                                   \
    static void name(int64_t count, const uint8_t *in, type *out) {                                                    \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type value = 0;                                                                                            \
            for (int k = 0; k < (width); k++) value |= (type)((type)in[k * count + i] << (8 * k));                     \
            out[i] = value;                                                                                            \
        }                                                                                                              \
    }
UNSHUFFLE(unshuffle_2, uint16_t, 2)
UNSHUFFLE(unshuffle_4, uint32_t, 4)
UNSHUFFLE(unshuffle_8, uint64_t, 8)

/* The inverse of dataset_shuffle. */
void dataset_unshuffle(int64_t size, int64_t count, const uint8_t *in, void *out) {
    if (size == 2) unshuffle_2(count, in, out);
    if (size == 4) unshuffle_4(count, in, out);
    if (size == 8) unshuffle_8(count, in, out);
}

/* Predicted float32 factors: how a value follows from the one before, or from a reference (float64, stock-major like the
 * values). The difference of the bit patterns, mostly zero, is what gets compressed. Predictor 1: grows with the reference;
 * 2: shrinks with it; 3: is the reference; 5 to 8: the change of the reference over 1, 20, 60, 120 rows in percent. */
static const int64_t LAGS[] = {0, 0, 0, 0, 0, 1, 20, 60, 120};

static uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

static uint32_t expected(int64_t predictor, int64_t d, const float *x, const double *r) {
    float guess = NAN;
    if (predictor == 3) {
        guess = (float)r[d];
    } else if (predictor == 1) {
        if (d) guess = (float)((double)x[d - 1] * (r[d] / r[d - 1]));
    } else if (predictor == 2) {
        if (d) guess = (float)((double)x[d - 1] * (r[d - 1] / r[d]));
    } else if (d >= LAGS[predictor]) {
        guess = (float)((r[d] / r[d - LAGS[predictor]] - 1) * 100);
    }
    return isfinite(guess) ? bits_of(guess) : d ? bits_of(x[d - 1]) : 0;
}

/* Values [n, rows] -> residuals, folded so that small differences of either sign are small numbers. */
void dataset_predict(int64_t predictor, int64_t rows, int64_t n, const float *in, const double *reference, uint32_t *out) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t d = 0; d < rows; d++) {
            const uint32_t off = bits_of(in[i * rows + d]) - expected(predictor, d, in + i * rows, reference + i * rows);
            out[i * rows + d] = (off << 1) ^ (0u - (off >> 31));
        }
}

/* The inverse of dataset_predict. */
void dataset_restore(int64_t predictor, int64_t rows, int64_t n, const uint32_t *in, const double *reference, float *out) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t d = 0; d < rows; d++) {
            const uint32_t folded = in[i * rows + d];
            const uint32_t off = (folded >> 1) ^ (0u - (folded & 1u));
            const uint32_t bits = expected(predictor, d, out + i * rows, reference + i * rows) + off;
            memcpy(&out[i * rows + d], &bits, 4);
        }
}

/* Constant `which` that Python has too, in the order in which Python lists them; -1 after the last. */
int64_t abi_constant(int64_t which) {
    static const int64_t constants[] = {NEVER_TRADED, CARRY_ROWS};
    return which >= 0 && which < (int64_t)(sizeof(constants) / sizeof(*constants)) ? constants[which] : -1;
}
