/* Cross-sections of a factor and of forward returns, a row at a time.
 *
 * Matrices are [rows][n]; values are float32, NaN is absent. An order has the columns of a row that have a value,
 * ascending, equals by stock code, then NO_COLUMN (`order_rows`). Sums run in that order or in the order of the codes,
 * so that columns may be permuted. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

typedef int64_t i64;

#define NO_DISPERSION 1e-12 /* a deviation of at most this share of the largest value is none */
#define MAX_REGRESSORS 8
#define COLLINEAR 1e-9      /* what the other regressors leave of a variance, at least */
#define SPARE_STOCKS 10     /* stocks of a regression beyond its parameters, at least */

/* Average ranks (1 = smallest) and quantiles (1 to `quantiles`, 0: no value) of each row, and the stocks with a value.
 * Equal values have one rank, and so one quantile: min(Q, floor(Q (rank - 1/2) / count) + 1). */
void average_ranks(const float *values, const uint16_t *orders, i64 rows, i64 n, i64 quantiles, float *ranks,
                   uint8_t *buckets, i64 *counts) {
    for (i64 r = 0; r < rows; r++, values += n, orders += n, ranks += n, buckets += n) {
        i64 m = 0;
        for (i64 i = 0; i < n; i++) {
            ranks[i] = (float)NAN;
            buckets[i] = 0;
        }
        while (m < n && orders[m] != NO_COLUMN) m++;
        counts[r] = m;
        for (i64 i = 0, j; i < m; i = j) {
            for (j = i + 1; j < m && values[orders[j]] == values[orders[i]];) j++;
            /* with 2 rank = i + 1 + j the quantile is exact in whole numbers */
            i64 bucket = quantiles * (i + j) / (2 * m) + 1;
            for (i64 k = i; k < j; k++) {
                ranks[orders[k]] = (float)((double)(i + 1 + j) * 0.5);
                buckets[orders[k]] = (uint8_t)(bucket < quantiles ? bucket : quantiles);
            }
        }
    }
}

static double correlation(double xx, double yy, double xy) {
    if (!(xx > 0.0) || !(yy > 0.0)) return NAN;
    double found = xy / (sqrt(xx) * sqrt(yy));
    return found > 1.0 ? 1.0 : found < -1.0 ? -1.0 : found;
}

#define LANES 8 /* partial sums, so that the order of summation is fixed and the loop is not one chain */

static double total(const double *lanes) {
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* Pearson correlation of m pairs; the arrays have space for LANES more. */
static double pearson(float *x, float *y, i64 m) {
    double a[LANES] = {0}, b[LANES] = {0}, xx[LANES] = {0}, yy[LANES] = {0}, xy[LANES] = {0};
    float x_most[LANES] = {0}, y_most[LANES] = {0};
    i64 whole = m - m % LANES;
    for (i64 i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++) {
            a[l] += (double)x[i + l];
            b[l] += (double)y[i + l];
            x_most[l] = fabsf(x[i + l]) > x_most[l] ? fabsf(x[i + l]) : x_most[l];
            y_most[l] = fabsf(y[i + l]) > y_most[l] ? fabsf(y[i + l]) : y_most[l];
        }
    for (i64 i = whole; i < m; i++) {
        a[i - whole] += (double)x[i];
        b[i - whole] += (double)y[i];
        x_most[0] = fmaxf(x_most[0], fabsf(x[i]));
        y_most[0] = fmaxf(y_most[0], fabsf(y[i]));
    }
    double x_mean = total(a) / (double)m, y_mean = total(b) / (double)m;
    for (i64 i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++) {
            double u = (double)x[i + l] - x_mean, v = (double)y[i + l] - y_mean;
            xx[l] += u * u;
            yy[l] += v * v;
            xy[l] += u * v;
        }
    for (i64 i = whole; i < m; i++) {
        double u = (double)x[i] - x_mean, v = (double)y[i] - y_mean;
        xx[i - whole] += u * u;
        yy[i - whole] += v * v;
        xy[i - whole] += u * v;
    }
    for (int l = 1; l < LANES; l++) {
        x_most[0] = fmaxf(x_most[0], x_most[l]);
        y_most[0] = fmaxf(y_most[0], y_most[l]);
    }
    double x_noise = NO_DISPERSION * (double)x_most[0], y_noise = NO_DISPERSION * (double)y_most[0];
    double of_x = total(xx), of_y = total(yy);
    if (of_x <= x_noise * x_noise * (double)m || of_y <= y_noise * y_noise * (double)m) return NAN;
    return correlation(of_x, of_y, total(xy));
}

/* Correlations of the values (`ic`, null: not wanted) and of the ranks of each row over the stocks that have a value and
 * a return; absent on a row with fewer than `least` of them. Ranks are those among these stocks, equals by average.
 * `return_orders` are those of the returns. Sums of ranks are whole numbers of quarters, and so exact.
 * Returns 0, or 1 without memory. */
int information_coefficients(const float *values, const uint16_t *orders, const char *returns, i64 return_stride,
                             const char *return_orders, i64 order_stride, i64 rows, i64 n, i64 least, double *ic,
                             double *rank_ic, i64 *counts) {
    i64 space = n + LANES + 1;
    float *rank = malloc((size_t)space * 18), *x = rank + space, *y = x + space, *by_return = y + space;
    uint16_t *at = (uint16_t *)(by_return + space);
    if (!rank) return 1;
    for (i64 r = 0; r < rows; r++, values += n, orders += n) {
        const float *back = (const float *)(returns + r * return_stride);
        const uint16_t *back_order = (const uint16_t *)(return_orders + r * order_stride);
        i64 m = 0;
        for (i64 i = 0; i < n && orders[i] != NO_COLUMN; i++) {
            i64 col = orders[i];
            at[m] = (uint16_t)col;
            x[m] = values[col];
            y[m] = back[col];
            m += back[col] == back[col];
        }
        counts[r] = m;
        rank_ic[r] = NAN;
        if (ic) ic[r] = m < least ? NAN : pearson(x, y, m);
        if (m < least) continue;
        /* with the ranks 1 to m the sum of squares about the mean is (m^3 - m) / 12, and t equals take (t^3 - t) / 12 */
        double xx = (double)m * (double)m * (double)m - (double)m, yy = xx, xy = 0.0;
        memset(rank, 0, (size_t)n * 4);
        for (i64 i = 0; i < m; i++) rank[at[i]] = (float)(i + 1);
        for (i64 i = 0; i + 1 < m; i++) {
            if (x[i] != x[i + 1]) continue;
            i64 j = i + 2;
            while (j < m && x[j] == x[i]) j++;
            double t = (double)(j - i);
            xx -= t * t * t - t;
            for (i64 k = i; k < j; k++) rank[at[k]] = (float)((double)(i + 1 + j) * 0.5);
            i = j - 1;
        }
        i64 k = 0;
        for (i64 i = 0; i < n && back_order[i] != NO_COLUMN; i++) {
            i64 col = back_order[i];
            by_return[k] = rank[col];
            y[k] = back[col];
            k += rank[col] != 0.0f;
        }
        double lanes[LANES] = {0};
        for (i64 i = 0; i < m; i++) lanes[i % LANES] += (double)by_return[i] * (double)(i + 1);
        xy = total(lanes);
        for (i64 i = 0; i + 1 < m; i++) {
            if (y[i] != y[i + 1]) continue;
            i64 j = i + 2;
            while (j < m && y[j] == y[i]) j++;
            double t = (double)(j - i), of = (double)(i + 1 + j) * 0.5;
            yy -= t * t * t - t;
            for (i64 l = i; l < j; l++) xy += (double)by_return[l] * (of - (double)(l + 1));
            i = j - 1;
        }
        double mean = (double)(m + 1) * 0.5;
        rank_ic[r] = correlation(xx / 12.0, yy / 12.0, xy - (double)m * mean * mean);
    }
    free(rank);
    return 0;
}

/* sums and counts [rows][quantiles] of the returns of the stocks of each quantile, in the order of the codes. */
void quantile_returns(const uint8_t *buckets, const char *returns, i64 return_stride, const int32_t *by_code, i64 rows,
                      i64 n, i64 quantiles, double *sums, i64 *counts) {
    for (i64 r = 0; r < rows; r++, buckets += n, sums += quantiles, counts += quantiles) {
        const float *back = (const float *)(returns + r * return_stride);
        for (i64 q = 0; q < quantiles; q++) {
            sums[q] = 0.0;
            counts[q] = 0;
        }
        for (i64 i = 0; i < n; i++) {
            i64 col = by_code[i], q = buckets[col];
            if (!q || back[col] != back[col]) continue;
            sums[q - 1] += (double)back[col];
            counts[q - 1]++;
        }
    }
}

/* entered [rows][quantiles]: the share of the stocks of a quantile that were in another one, or had no value, `lag` rows
 * before; correlations [rows] of the ranks with those of `lag` rows before over the stocks that have both. Absent on the
 * first `lag` rows, and for a quantile without stocks. */
void changes_of_ranks(const float *ranks, const uint8_t *buckets, i64 rows, i64 n, i64 quantiles, i64 lag, double *entered,
                      double *correlations) {
    for (i64 r = 0; r < rows; r++) {
        double *share = entered + r * quantiles;
        correlations[r] = NAN;
        for (i64 q = 0; q < quantiles; q++) share[q] = r < lag ? NAN : 0.0;
        if (r < lag) continue;
        const float *now = ranks + r * n, *then = now - lag * n;
        const uint8_t *bucket = buckets + r * n, *was = bucket - lag * n;
        i64 size[256] = {0};
        double m = 0.0, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
        for (i64 i = 0; i < n; i++) {
            if (!bucket[i]) continue;
            size[bucket[i] - 1]++;
            share[bucket[i] - 1] += was[i] != bucket[i];
            if (!was[i]) continue;
            double a = (double)now[i], b = (double)then[i];
            m += 1.0;
            x += a;
            y += b;
            xx += a * a;
            yy += b * b;
            xy += a * b;
        }
        for (i64 q = 0; q < quantiles; q++) share[q] = size[q] ? share[q] / (double)size[q] : NAN;
        if (m > 1.0) correlations[r] = correlation(m * xx - x * x, m * yy - y * y, m * xy - x * y);
    }
}

/* Values less the mean of their group (groups [rows][n], -1: none, else below 32767) on each row; absent without a group.
 * Returns 0, or 1 without memory. */
int less_group_means(const float *values, const char *groups, i64 group_stride, const int32_t *by_code, i64 rows, i64 n,
                     i64 group_count, float *out) {
    double *sums = malloc((size_t)(group_count + 1) * 16), *sizes = sums + group_count + 1;
    if (!sums) return 1;
    for (i64 r = 0; r < rows; r++, values += n, out += n) {
        const int16_t *group = (const int16_t *)(groups + r * group_stride);
        memset(sums, 0, (size_t)(group_count + 1) * 16);
        for (i64 i = 0; i < n; i++) {
            i64 col = by_code[i];
            if (group[col] < 0 || values[col] != values[col]) continue;
            sums[group[col]] += (double)values[col];
            sizes[group[col]] += 1.0;
        }
        for (i64 g = 0; g < group_count; g++) sums[g] /= sizes[g];
        for (i64 i = 0; i < n; i++) out[i] = group[i] < 0 ? (float)NAN : (float)((double)values[i] - sums[group[i]]);
    }
    free(sums);
    return 0;
}

/* Solves gram x = right by Cholesky in place; 0 when a regressor is a combination of those before. */
static int solve(double (*gram)[MAX_REGRESSORS], double *right, int k) {
    for (int i = 0; i < k; i++) {
        double whole = gram[i][i];
        for (int j = 0; j <= i; j++) {
            double sum = gram[i][j];
            for (int l = 0; l < j; l++) sum -= gram[i][l] * gram[j][l];
            if (j < i) gram[i][j] = sum / gram[j][j];
            else if (!(sum > COLLINEAR * whole)) return 0;
            else gram[i][i] = sqrt(sum);
        }
    }
    for (int i = 0; i < k; i++) {
        for (int l = 0; l < i; l++) right[i] -= gram[i][l] * right[l];
        right[i] /= gram[i][i];
    }
    for (int i = k - 1; i >= 0; i--) {
        for (int l = i + 1; l < k; l++) right[i] -= gram[l][i] * right[l];
        right[i] /= gram[i][i];
    }
    return 1;
}

/* slopes [rows][k]: ordinary least squares of the returns on k regressors (planes [n] a row, `regressors[j]` the first)
 * with an intercept or, with groups, one for each group, over the stocks that have all of them. Absent on a row with
 * fewer than SPARE_STOCKS stocks beyond its parameters, and where a regressor is a combination of the others.
 * Returns 0, or 1 without memory. */
int regress_rows(const float *returns, const float *const *regressors, i64 k, const char *groups, i64 group_stride,
                 i64 group_count, const int32_t *by_code, i64 rows, i64 n, double *slopes, i64 *counts) {
    i64 means = (k + 1) * (group_count + 1);
    int32_t *sample = malloc((size_t)(n + 1) * 4);
    double *mean = malloc((size_t)(means + group_count + 1) * 8);
    if (!sample || !mean) {
        free(sample);
        free(mean);
        return 1;
    }
    double *size = mean + means;
    for (i64 r = 0; r < rows; r++, slopes += k) {
        const int16_t *group = groups ? (const int16_t *)(groups + r * group_stride) : NULL;
        const float *y = returns + r * n, *x[MAX_REGRESSORS];
        for (i64 j = 0; j < k; j++) x[j] = regressors[j] + r * n;
        for (i64 j = 0; j < k; j++) slopes[j] = NAN;
        memset(mean, 0, (size_t)(means + group_count + 1) * 8);
        i64 m = 0, used = 0;
        for (i64 i = 0; i < n; i++) {
            int32_t col = by_code[i];
            int whole = y[col] == y[col] && (!group || group[col] >= 0);
            for (i64 j = 0; j < k; j++) whole &= x[j][col] == x[j][col];
            if (!whole) continue;
            sample[m++] = col;
            i64 g = group ? group[col] : 0;
            used += size[g] == 0.0;
            size[g] += 1.0;
            double *of = mean + g * (k + 1);
            of[k] += (double)y[col];
            for (i64 j = 0; j < k; j++) of[j] += (double)x[j][col];
        }
        counts[r] = m;
        if (m < k + used + SPARE_STOCKS) continue;
        for (i64 g = 0; g <= group_count; g++)
            for (i64 j = 0; j <= k && size[g] > 0.0; j++) mean[g * (k + 1) + j] /= size[g];
        double gram[MAX_REGRESSORS][MAX_REGRESSORS] = {{0}}, right[MAX_REGRESSORS] = {0};
        for (i64 i = 0; i < m; i++) {
            int32_t col = sample[i];
            const double *of = mean + (group ? group[col] : 0) * (k + 1);
            double v[MAX_REGRESSORS];
            for (i64 j = 0; j < k; j++) {
                v[j] = (double)x[j][col] - of[j];
                right[j] += v[j] * ((double)y[col] - of[k]);
                for (i64 l = 0; l <= j; l++) gram[j][l] += v[j] * v[l];
            }
        }
        if (solve(gram, right, (int)k))
            for (i64 j = 0; j < k; j++) slopes[j] = right[j];
    }
    free(sample);
    free(mean);
    return 0;
}
