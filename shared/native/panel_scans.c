/* Loops over panels that a backtest needs beside its day loop: orders of rows, presence of factors, returns of the
 * universe, volumes of purchases, mean volumes and volatilities. */

#include "native.h"

/* ---- ranking orders ---- */

/* out[row][position]: the columns of float32 rows in ranking order (equals by stock code), then NO_COLUMN. n <
 * NO_COLUMN; `work` has space for 2 n. */
void order_rows(const char *ranks, int64_t stride, int64_t rows, const int32_t *by_code, int64_t n, int32_t descending,
                uint64_t *work, uint16_t *out) {
    for (int64_t r = 0; r < rows; r++) {
        const float *rank = (const float *)(ranks + r * stride);
        uint64_t *from = work, *to = work + n;
        int64_t known = 0;
        uint32_t counts[3][2048] = {{0}};
        for (int64_t i = 0; i < n; i++) {
            int32_t col = by_code[i];
            float value = descending ? -rank[col] : rank[col];
            if (value != value) continue;
            uint64_t key = (rank_key(value, 0) & 0xffffffff00000000u) | (uint32_t)col;
            from[known++] = key;
            for (int pass = 0; pass < 3; pass++) counts[pass][key >> (32 + 11 * pass) & 2047]++;
        }
        for (int pass = 0; pass < 3; pass++) {
            uint32_t before = 0;
            for (int i = 0; i < 2048; i++) {
                uint32_t here = counts[pass][i];
                counts[pass][i] = before;
                before += here;
            }
            for (int64_t i = 0; i < known; i++) to[counts[pass][from[i] >> (32 + 11 * pass) & 2047]++] = from[i];
            uint64_t *other = from;
            from = to;
            to = other;
        }
        for (int64_t i = 0; i < n; i++) out[r * n + i] = i < known ? (uint16_t)from[i] : NO_COLUMN;
    }
}

/* out[row][position]: the columns of the order of each row whose byte is 1, in that order, then NO_COLUMN. */
void filter_ranked(const char *orders, int64_t stride, const uint8_t *passed, int64_t rows, int64_t n, uint16_t *out) {
    for (int64_t r = 0; r < rows; r++) {
        const uint16_t *order = (const uint16_t *)(orders + r * stride);
        const uint8_t *good = passed + r * n;
        uint16_t *to = out + r * n;
        int64_t kept = 0;
        for (int64_t i = 0; i < n && order[i] != NO_COLUMN; i++) {
            to[kept] = order[i];
            kept += good[order[i]];
        }
        for (; kept < n; kept++) to[kept] = NO_COLUMN;
    }
}

/* ---- presence ---- */

/* counts[0] += cells that have a value inside the mask, counts[1] += cells of the mask, over rows with a flag, until
 * counts[0] reaches the limit. */
void count_present(const matrix_view *values, const matrix_view *mask, const uint8_t *rows, int64_t first, int64_t count,
                   int64_t n, int64_t limit, int64_t *counts) {
    for (int64_t i = 0; i < count && counts[0] < limit; i++) {
        if (!rows[i]) continue;
        const float *value = float_row(values, first + i);
        const uint8_t *in = flags_row(mask, first + i);
        for (int64_t start = 0; start < n; start += 4096) {
            int64_t stop = start + 4096 < n ? start + 4096 : n;
            uint32_t present = 0, cells = 0;
            for (int64_t j = start; j < stop; j++) {
                present += (uint32_t)(value[j] == value[j]) & in[j];
                cells += in[j];
            }
            counts[0] += present;
            counts[1] += cells;
        }
    }
}

/* out[i] = 1 when some cell of row first + i has a value inside the mask. */
void rows_with_value(const matrix_view *values, const matrix_view *mask, int64_t first, int64_t count, int64_t n,
                     uint8_t *out) {
    for (int64_t i = 0; i < count; i++) {
        const float *value = float_row(values, first + i);
        const uint8_t *in = flags_row(mask, first + i);
        int found = 0;
        for (int64_t start = 0; start < n && !found; start += 64) {
            int64_t stop = start + 64 < n ? start + 64 : n;
            uint8_t some = 0;
            for (int64_t j = start; j < stop; j++) some |= (uint8_t)(value[j] == value[j]) & in[j];
            found = some;
        }
        out[i] = (uint8_t)found;
    }
}

/* marks[col] |= 1 for stocks that have the mask set together with the universe on any flagged row. */
void mark_passed(const matrix_view *mask, const matrix_view *universe, const uint8_t *rows, int64_t first, int64_t count,
                 int64_t n, uint8_t *marks) {
    for (int64_t i = 0; i < count; i++) {
        if (!rows[i]) continue;
        const uint8_t *passed = flags_row(mask, first + i), *in = flags_row(universe, first + i);
        for (int64_t j = 0; j < n; j++) marks[j] |= passed[j] & in[j];
    }
}

#define ORDER_ROW(TYPE, ABSENT)                                                                                        \
    do {                                                                                                               \
        const TYPE *from = (const TYPE *)(values + r * stride);                                                        \
        TYPE *to = (TYPE *)out + r * n;                                                                                \
        for (int64_t p = 0; p < n; p++) to[p] = order[p] == NO_COLUMN ? (TYPE)ABSENT : from[order[p]];                 \
    } while (0)

/* out[r][p] = values[r][orders[r][p]]: cells of `bytes` bytes in the order of each row; NaN (0 for single bytes) where the
 * order has no column. */
void order_cells(const char *values, int64_t stride, int64_t bytes, const char *orders, int64_t order_stride,
                 int64_t rows, int64_t n, void *out) {
    for (int64_t r = 0; r < rows; r++) {
        const uint16_t *order = (const uint16_t *)(orders + r * order_stride);
        if (bytes == 8) ORDER_ROW(double, NAN);
        else if (bytes == 4) ORDER_ROW(float, NAN);
        else ORDER_ROW(uint8_t, 0);
    }
}

/* ---- returns, volumes, volatilities ---- */

/* at[k], participation[k] of each purchase: its position in `trades`, and its shares / the volume of its day. counts: the
 * number of purchases, and of fills of at least one share. */
void list_purchases(const trade *trades, int64_t n, const matrix_view *volume, int64_t *at, double *participation,
                    int64_t *counts) {
    int64_t purchases = 0, fills = 0;
    for (int64_t i = 0; i < n; i++) {
        fills += trades[i].shares != 0;
        if (i + 16 < n) __builtin_prefetch(cell_at(volume, trades[i + 16].row, trades[i + 16].col));
        if (trades[i].reason != ENTRY) continue;
        participation[purchases] = trades[i].shares / cell(volume, trades[i].row, trades[i].col);
        at[purchases++] = i;
    }
    counts[0] = purchases;
    counts[1] = fills;
}

/* out[row - start] = return of the universe of row d - 1 on each row d of [start, stop): weighted by `cap` of d - 1, or
 * equally. A stock that is delisted by day d has the return 0 with its weight. */
void universe_returns(const market_data *m, const matrix_view *universe, int64_t weighted, int64_t start, int64_t stop,
                      double *out) {
    for (int64_t row = start; row < stop; row++) {
        const uint8_t *in = flags_row(universe, row - 1);
        const float *cap = weighted ? float_row(&m->cap, row - 1) : 0;
        double sum = 0, weights = 0;
        for (int64_t i = 0; i < m->n; i++) {
            int64_t col = m->by_code[i];
            if (!in[col]) continue;
            double weight = weighted ? cap[col] : 1, before = cell(&m->last, row - 1, col);
            if (!(weight > 0) || !(before > 0)) continue;
            weights += weight;
            if (m->days[row] >= m->delisted[col]) continue;
            sum += weight * (cell(&m->last, row, col) * cell(&m->split, row, col) / before - 1);
        }
        out[row - start] = weights > 0 ? sum / weights : 0;
    }
}

/* out[row - start][col] = mean over those of the `span` rows before `row` on which the stock has a close, carried over at
 * most `carry` rows: the volume of the row (0 without trading) times the splits after it, up to and including `row`. NaN
 * without such a row. */
void mean_volumes(const matrix_view *volume, const matrix_view *open, const matrix_view *split, const matrix_view *idle,
                  int64_t start, int64_t stop, int64_t n, int64_t span, int64_t carry, double *work, double *out) {
    double *sum = work, *factor = work + n, *rows = work + 2 * n;
    for (int64_t row = start; row < stop; row++) {
        for (int64_t i = 0; i < n; i++) {
            sum[i] = rows[i] = 0;
            factor[i] = cell(split, row, i);
        }
        for (int64_t at = row - 1; at >= row - span && at >= idle->first; at--) {
            const double *v = (const double *)(volume->data + (at - volume->first) * volume->stride);
            const double *o = (const double *)(open->data + (at - open->first) * open->stride);
            const double *f = (const double *)(split->data + (at - split->first) * split->stride);
            const uint16_t *since = uint16_row(idle, at);
            for (int64_t i = 0; i < n; i++) {
                double traded = v[i] > 0 && o[i] > 0 ? v[i] * factor[i] : 0, has = since[i] <= carry ? 1 : 0;
                sum[i] += has > 0 ? traded : 0;
                rows[i] += has;
                factor[i] *= f[i];
            }
        }
        double *to = out + (row - start) * n;
        for (int64_t i = 0; i < n; i++) to[i] = rows[i] > 0 ? sum[i] / rows[i] : NAN;
    }
}

/* out[row - start][col] = sample deviation of the `span` row-to-row changes of the adjusted close that end on `row`; NaN
 * unless all are known. A deviation of at most 1e-12 is that of equal changes: 0. */
void volatilities(const matrix_view *close, int64_t start, int64_t stop, int64_t n, int64_t span, double *work,
                  double *out) {
    double *mean = work, *square = work + n;
    for (int64_t row = start; row < stop; row++) {
        double *to = out + (row - start) * n;
        if (row - span < close->first) {
            for (int64_t i = 0; i < n; i++) to[i] = NAN;
            continue;
        }
        for (int64_t i = 0; i < n; i++) mean[i] = square[i] = 0;
        for (int64_t at = row - span + 1; at <= row; at++) {
            const double *now = (const double *)(close->data + (at - close->first) * close->stride);
            const double *before = (const double *)(close->data + (at - 1 - close->first) * close->stride);
            for (int64_t i = 0; i < n; i++) mean[i] += now[i] / before[i] - 1;
        }
        for (int64_t i = 0; i < n; i++) mean[i] /= (double)span;
        for (int64_t at = row - span + 1; at <= row; at++) {
            const double *now = (const double *)(close->data + (at - close->first) * close->stride);
            const double *before = (const double *)(close->data + (at - 1 - close->first) * close->stride);
            for (int64_t i = 0; i < n; i++) {
                double change = now[i] / before[i] - 1 - mean[i];
                square[i] += change * change;
            }
        }
        for (int64_t i = 0; i < n; i++) {
            double deviation = sqrt(square[i] / (double)(span - 1));
            to[i] = deviation <= 1e-12 ? 0 : deviation;
        }
    }
}
