/* The dataset's kernels: derived rows, views of a row, and the two byte orders of a chunk.
 *
 * Matrices are days down, instruments across; `stride` counts elements from one day to the next. Every value depends on
 * its own column only, and on rows up to its own, so any part of the instruments gives the same bits. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NEVER_TRADED = 65535, CARRY_ROWS = 60 };

/* Derived rows. All matrices are [rows, n] without padding; `base` is the base price of a row that states a change, NaN
 * elsewhere. Outputs: split, last, adjust, cap, shares (double) and idle (uint16). */
void dataset_derive(int64_t rows, int64_t n, const int32_t *days, const int32_t *delisted, const double *close,
                    const double *volume, const double *market_cap, const double *listed_shares,
                    const double *loaded_split, const double *base, double *split, double *last, double *adjust,
                    uint16_t *idle, double *cap, double *shares, double *carried_cap, double *carried_shares,
                    uint16_t *cap_age, uint16_t *shares_age) {
    for (int64_t i = 0; i < n; i++) {
        carried_cap[i] = carried_shares[i] = NAN;
        cap_age[i] = shares_age[i] = 0;
    }
    for (int64_t d = 0; d < rows; d++) {
        const int64_t now = d * n, before = now - n;
        for (int64_t i = 0; i < n; i++) {
            const double c = close[now + i];
            const double previous = d ? last[before + i] : NAN;
            const int known = previous > 0, closed = c > 0, traded = volume[now + i] > 0;
            double s = 1;
            if (known) {
                if (loaded_split[now + i] > 0) {
                    s = loaded_split[now + i];
                } else if (closed && base[now + i] > 0) {
                    s = previous / base[now + i];
                    if (fabs(s - 1) <= 0.005 * (1 + 1e-9)) s = 1;
                }
            }
            split[now + i] = s;
            adjust[now + i] = known ? adjust[before + i] * s : 1;
            last[now + i] = closed ? c : known ? previous / s : NAN;
            const uint16_t a = d ? idle[before + i] : NEVER_TRADED;
            const uint16_t aged = closed ? 0 : a >= NEVER_TRADED - 1 ? a : (uint16_t)(a + 1);
            idle[now + i] = aged;

            const double own_shares = listed_shares[now + i];
            if (own_shares > 0) {
                carried_shares[i] = own_shares;
                shares_age[i] = 0;
            } else if (traded) {
                carried_shares[i] = NAN;
            } else {
                carried_shares[i] *= s;
                if (shares_age[i] < NEVER_TRADED) shares_age[i]++;
            }
            const double own_cap = market_cap[now + i] > 0 ? market_cap[now + i]
                                   : closed && own_shares > 0 ? c * own_shares
                                                              : NAN;
            if (own_cap > 0) {
                carried_cap[i] = own_cap;
                cap_age[i] = 0;
            } else if (traded) {
                carried_cap[i] = NAN;
            } else if (cap_age[i] < NEVER_TRADED) {
                cap_age[i]++;
            }
            const int present = aged <= CARRY_ROWS && days[d] < delisted[i];
            shares[now + i] = present && shares_age[i] <= CARRY_ROWS ? carried_shares[i] : NAN;
            cap[now + i] = present && cap_age[i] <= CARRY_ROWS ? carried_cap[i] : NAN;
        }
    }
}

/* One view of rows of stored fields; `kind` is the position of the view in VIEWS of shared/model/fields.py. `loaded` is
 * the field that the view reads (ignored by the closes). float64 matrices share `stride`, `idle` has its own. */
void dataset_view(int64_t kind, int64_t rows, int64_t n, const int32_t *days, const int32_t *delisted,
                  const double *loaded, const double *volume, const double *last, const double *adjust, int64_t stride,
                  const uint16_t *idle, int64_t idle_stride, double *out, int64_t out_stride) {
    for (int64_t d = 0; d < rows; d++) {
        const double *x = loaded + d * stride, *v = volume + d * stride, *l = last + d * stride;
        const double *f = adjust + d * stride;
        const uint16_t *a = idle + d * idle_stride;
        double *o = out + d * out_stride;
        for (int64_t i = 0; i < n; i++) {
            const int present = a[i] <= CARRY_ROWS && days[d] < delisted[i];
            const int traded = v[i] > 0;
            double value;
            switch (kind) {
            case 0: case 1: case 2: value = (traded && x[i] > 0 ? x[i] : l[i]) * f[i]; break;
            case 3: value = l[i] * f[i]; break;
            case 4: value = (traded ? v[i] : 0) / f[i]; break;
            case 5: value = traded ? x[i] : 0; break;
            case 6: value = x[i]; break;
            case 7: case 8: case 9: value = traded && x[i] > 0 ? x[i] : l[i]; break;
            case 10: value = l[i]; break;
            default: value = traded ? v[i] : 0; break;
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
 * values). The difference of the bit patterns, mostly zero, is what gets compressed. Law 1: grows with the reference;
 * 2: shrinks with it; 3: is the reference; 5 to 8: the change of the reference over 1, 20, 60, 120 rows in percent. */
static const int64_t LAGS[] = {0, 0, 0, 0, 0, 1, 20, 60, 120};

static uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

static uint32_t expected(int64_t law, int64_t d, const float *x, const double *r) {
    float guess = NAN;
    if (law == 3) {
        guess = (float)r[d];
    } else if (law == 1) {
        if (d) guess = (float)((double)x[d - 1] * (r[d] / r[d - 1]));
    } else if (law == 2) {
        if (d) guess = (float)((double)x[d - 1] * (r[d - 1] / r[d]));
    } else if (d >= LAGS[law]) {
        guess = (float)((r[d] / r[d - LAGS[law]] - 1) * 100);
    }
    return isfinite(guess) ? bits_of(guess) : d ? bits_of(x[d - 1]) : 0;
}

/* Values [n, rows] -> residuals, folded so that small differences of either sign are small numbers. */
void dataset_predict(int64_t law, int64_t rows, int64_t n, const float *in, const double *reference, uint32_t *out) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t d = 0; d < rows; d++) {
            const uint32_t off = bits_of(in[i * rows + d]) - expected(law, d, in + i * rows, reference + i * rows);
            out[i * rows + d] = (off << 1) ^ (0u - (off >> 31));
        }
}

/* The inverse of dataset_predict. */
void dataset_restore(int64_t law, int64_t rows, int64_t n, const uint32_t *in, const double *reference, float *out) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t d = 0; d < rows; d++) {
            const uint32_t folded = in[i * rows + d];
            const uint32_t off = (folded >> 1) ^ (0u - (folded & 1u));
            const uint32_t bits = expected(law, d, out + i * rows, reference + i * rows) + off;
            memcpy(&out[i * rows + d], &bits, 4);
        }
}
