/* Factors: point-in-time statement quantities, and every factor that is made of rows of prices.
 *
 * Windows are computed directly for each row, from the oldest row to the newest, so that a value never depends on
 * where a computation began. Eight instruments go through each instruction together; lanes never meet.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- statements */

enum { FLOWS = 10, BALANCES = 11, ACCOUNTS = FLOWS + BALANCES };
enum { REVENUE = 0, NET_INCOME = 3 };
/* One event: each account now, a year ago, then revenue and net income three years ago, then the mean of the annual
 * net incomes. */
enum { NOW = 0, YEAR_AGO = ACCOUNTS, REVENUE_3Y = 2 * ACCOUNTS, NET_INCOME_3Y, ANNUAL_MEAN, QUANTITIES };

typedef struct {
    int64_t key; /* fiscal year * 4 + quarter - 1 */
    int64_t row; /* the statement disclosed last for this key */
} known_t;

static int64_t place(const known_t *known, int64_t n, int64_t key) {
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (known[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const double *find(const known_t *known, int64_t n, int64_t year, int quarter, const double *accounts) {
    int64_t key = year * 4 + quarter - 1, at = place(known, n, key);
    return at < n && known[at].key == key ? accounts + known[at].row * ACCOUNTS : NULL;
}

static double trailing(const double *now, const double *whole, const double *part, int quarter, int flow) {
    if (!now)
        return NAN;
    if (quarter == 4)
        return now[flow];
    return whole && part ? now[flow] + whole[flow] - part[flow] : NAN;
}

/* Statements sorted by instrument, then disclosure day. Writes one event for each (instrument, disclosure day) with
 * the quantities known from that day on; returns how many, or -1 without memory. */
int64_t factors_events(int64_t count, const int32_t *instrument, const int32_t *year, const int32_t *quarter,
                       const int32_t *period_end, const int32_t *disclosed_on, const double *accounts,
                       int32_t *event_instrument, int32_t *event_day, int32_t *event_period_end, double *values) {
    known_t *known = malloc((size_t)(count + 1) * sizeof *known);
    if (!known)
        return -1;
    int64_t events = 0, n = 0;
    for (int64_t s = 0; s < count; s++) {
        if (s && instrument[s] != instrument[s - 1])
            n = 0;
        int64_t key = (int64_t)year[s] * 4 + quarter[s] - 1, at = place(known, n, key);
        if (at == n || known[at].key != key) {
            memmove(known + at + 1, known + at, (size_t)(n - at) * sizeof *known);
            n++;
        }
        known[at] = (known_t){key, s};
        if (s + 1 < count && instrument[s + 1] == instrument[s] && disclosed_on[s + 1] == disclosed_on[s])
            continue;

        int64_t latest = 0; /* ties of period_end go to the larger key, which comes later */
        for (int64_t k = 1; k < n; k++)
            if (period_end[known[k].row] >= period_end[known[latest].row])
                latest = k;
        int64_t row = known[latest].row, y = year[row];
        int q = quarter[row];
        double *value = values + events * QUANTITIES;
        const double *of[4], *whole[4], *part[4];
        for (int back = 0; back < 4; back++) {
            of[back] = find(known, n, y - back, q, accounts);
            whole[back] = find(known, n, y - back - 1, 4, accounts);
            part[back] = find(known, n, y - back - 1, q, accounts);
        }
        for (int a = 0; a < FLOWS; a++) {
            value[NOW + a] = trailing(of[0], whole[0], part[0], q, a);
            value[YEAR_AGO + a] = trailing(of[1], whole[1], part[1], q, a);
        }
        for (int a = FLOWS; a < ACCOUNTS; a++) {
            value[NOW + a] = of[0][a];
            value[YEAR_AGO + a] = of[1] ? of[1][a] : NAN;
        }
        value[REVENUE_3Y] = trailing(of[3], whole[3], part[3], q, REVENUE);
        value[NET_INCOME_3Y] = trailing(of[3], whole[3], part[3], q, NET_INCOME);

        double annual[10];
        int years = 0;
        for (int64_t k = n - 1; k >= 0 && years < 10; k--) {
            double income = accounts[known[k].row * ACCOUNTS + NET_INCOME];
            if (quarter[known[k].row] == 4 && income == income)
                annual[years++] = income;
        }
        double total = 0;
        for (int k = years - 1; k >= 0; k--)
            total += annual[k];
        value[ANNUAL_MEAN] = years >= 3 ? total / years : NAN;

        event_instrument[events] = instrument[s];
        event_day[events] = disclosed_on[s];
        event_period_end[events] = period_end[row];
        events++;
    }
    free(known);
    return events;
}

/* The third root of each positive value, by the C library's pow, one at a time. */
void factors_third_root(int64_t count, const double *value, double *root) {
    for (int64_t i = 0; i < count; i++)
        root[i] = pow(value[i], 1.0 / 3.0);
}

/* ---------------------------------------------------------------- dividends */

/* Dividends of the last 365 days on each row, on the share basis of that row, added to `sum` [stop - first, instruments]
 * in the given order. Each is counted on rows [begin, end); `paid_on` is the row of its ex-date, or the last before it,
 * -1 for none. */
void factors_dividends(int64_t count, int64_t first, int64_t stop, int64_t instruments, const int32_t *instrument,
                       const int64_t *begin, const int64_t *end, const int64_t *paid_on, const double *dps,
                       const double *adjust, int64_t stride, double *sum) {
    for (int64_t v = 0; v < count; v++) {
        int64_t i = instrument[v];
        double basis = paid_on[v] < 0 ? 1 : adjust[paid_on[v] * stride + i];
        int64_t from = begin[v] > first ? begin[v] : first, to = end[v] < stop ? end[v] : stop;
        for (int64_t d = from; d < to; d++)
            sum[(d - first) * instruments + i] += dps[v] / (adjust[d * stride + i] / basis);
    }
}

/* ---------------------------------------------------------------- prices */

enum { LANES = 8, CARRY_ROWS = 60 };
typedef double vd __attribute__((vector_size(64)));
typedef int64_t vl __attribute__((vector_size(64)));
typedef float vf __attribute__((vector_size(32)));

#define INLINE static inline __attribute__((always_inline))
#define ALL(x) ((vd){(x), (x), (x), (x), (x), (x), (x), (x)})
#define COUNT(x) ((vl){(x), (x), (x), (x), (x), (x), (x), (x)})
#define CHOOSE(mask, a, b) ((vd)(((vl)(a) & (mask)) | ((vl)(b) & ~(mask))))
#define KNOWN(x) ((vl)((x) == (x)))

enum {
    MOMENTUM_1M, MOMENTUM_3M, MOMENTUM_6M, MOMENTUM_12M, FROM_HIGH, FROM_LOW, RELATIVE_STRENGTH, VOLUME_MOMENTUM, BETA,
    RSI, BOLLINGER, MACD, STOCHASTIC, VOLUME_ROC, PRICE_POSITION, CHANGE_RATE, FACTORS
};

/* Matrices [days, instruments] with `stride` elements from one row to the next. */
typedef struct {
    int64_t days, instruments, first, stop; /* values are written for rows [first, stop) */
    const double *high, *low, *volume, *trading_value, *last, *adjust;
    const uint16_t *idle;
    int64_t stride[7];          /* of the matrices above, in their order */
    int64_t indices;            /* series; one more of NaN follows them */
    const double *index_level;  /* [indices + 1, days] */
    const double *index_return; /* [indices + 1, days] */
    const int32_t *market;      /* [instruments], index series of each */
    float *out[FACTORS];        /* [stop - first, instruments] or NULL */
} prices_t;

/* Columns of one block, a row each; `from` is the first row that any of them holds. */
typedef struct {
    vd *close, *high, *low, *volume, *value, *level, *stock_return, *index_return, *pair;
} block_t;

static void put(const prices_t *p, int which, int64_t day, int64_t column, int64_t lanes, vd value, vl alive) {
    if (!p->out[which])
        return;
    float *to = p->out[which] + (day - p->first) * p->instruments + column;
    vl sound = alive & (vl)(value <= FLT_MAX) & (vl)(value >= -FLT_MAX);
    vf narrow = __builtin_convertvector(CHOOSE(sound, value, ALL(NAN)), vf);
    if (lanes == LANES)
        memcpy(to, &narrow, sizeof narrow);
    else
        for (int64_t l = 0; l < lanes; l++)
            to[l] = narrow[l];
}

static void gather(const prices_t *p, const block_t *b, int64_t from, int64_t column, int64_t lanes) {
    const double *level[LANES], *change[LANES];
    for (int64_t l = 0; l < LANES; l++) {
        int64_t series = l < lanes ? p->market[column + l] : p->indices;
        level[l] = p->index_level + series * p->days;
        change[l] = p->index_return + series * p->days;
    }
    for (int64_t d = from; d < p->stop; d++) {
        double in[6][LANES], index[2][LANES];
        int64_t age[LANES];
        const double *source[6] = {p->high, p->low, p->volume, p->trading_value, p->last, p->adjust};
        for (int m = 0; m < 6; m++) {
            const double *row = source[m] + d * p->stride[m] + column;
            if (lanes == LANES)
                memcpy(in[m], row, sizeof in[m]);
            else
                for (int64_t l = 0; l < LANES; l++)
                    in[m][l] = l < lanes ? row[l] : NAN;
        }
        for (int64_t l = 0; l < LANES; l++) {
            age[l] = l < lanes ? p->idle[d * p->stride[6] + column + l] : CARRY_ROWS + 1;
            index[0][l] = level[l][d];
            index[1][l] = change[l][d];
        }
        vd high, low, volume, last, factor, index_return;
        vl aged;
        memcpy(&high, in[0], sizeof high), memcpy(&low, in[1], sizeof low), memcpy(&volume, in[2], sizeof volume);
        memcpy(&b->value[d], in[3], sizeof(vd)), memcpy(&last, in[4], sizeof last), memcpy(&factor, in[5], sizeof factor);
        memcpy(&b->level[d], index[0], sizeof(vd)), memcpy(&index_return, index[1], sizeof index_return);
        memcpy(&aged, age, sizeof aged);
        factor = CHOOSE(KNOWN(factor), factor, ALL(1));
        vd close = last * factor, previous = d > from ? b->close[d - 1] : close;
        /* a carried close is the same number, whatever splits fall on the rows between */
        close = CHOOSE((vl)(aged > 0), previous, close);
        b->close[d] = close = CHOOSE((vl)(aged <= CARRY_ROWS), close, ALL(NAN));
        vl traded = (vl)(volume > 0);
        b->high[d] = CHOOSE(traded & (vl)(high > 0), high * factor, ALL(NAN));
        b->low[d] = CHOOSE(traded & (vl)(low > 0), low * factor, ALL(NAN));
        b->volume[d] = volume / factor;
        vd stock_return = d > from ? close / b->close[d - 1] - 1 : ALL(NAN);
        vl both = KNOWN(stock_return) & KNOWN(index_return);
        b->stock_return[d] = CHOOSE(both, stock_return, ALL(0));
        b->index_return[d] = CHOOSE(both, index_return, ALL(0));
        b->pair[d] = CHOOSE(both, ALL(1), ALL(0));
    }
}

/* Change in percent of the mean of the last 20 rows against the 20 before those; NaN where one is missing. */
INLINE vd growth_of_mean(const vd *x, int64_t d) {
    if (d < 39)
        return ALL(NAN);
    vd before = ALL(0), now = ALL(0);
    for (int64_t k = d - 39; k <= d - 20; k++)
        before += x[k];
    for (int64_t k = d - 19; k <= d; k++)
        now += x[k];
    before /= 20, now /= 20;
    return CHOOSE((vl)(before > 0), (now / before - 1) * 100, ALL(NAN));
}

INLINE vd beta(const block_t *b, int64_t d) {
    vd n = ALL(0), x = ALL(0), y = ALL(0), cov = ALL(0), var = ALL(0);
    int64_t from = d > 251 ? d - 251 : 0;
    for (int64_t k = from; k <= d; k++) {
        n += b->pair[k];
        x += b->stock_return[k];
        y += b->index_return[k];
    }
    x /= n, y /= n;
    for (int64_t k = from; k <= d; k++) {
        vd dy = (b->index_return[k] - y) * b->pair[k];
        cov += (b->stock_return[k] - x) * dy;
        var += dy * dy;
    }
    vd least = ALL(1e-9) * y;
    vl decided = (vl)(n >= 120) & (vl)(var > 0) & (vl)(var / (n - 1) > least * least);
    return CHOOSE(decided, cov / var, ALL(NAN));
}

INLINE vd bollinger(const vd *close, int64_t d) {
    if (d < 19)
        return ALL(NAN);
    vd mean = ALL(0), square = ALL(0), deviation;
    for (int64_t k = d - 19; k <= d; k++)
        mean += close[k];
    mean /= 20;
    for (int64_t k = d - 19; k <= d; k++)
        square += (close[k] - mean) * (close[k] - mean);
    square /= 19;
    for (int l = 0; l < LANES; l++)
        deviation[l] = sqrt(square[l]);
    return CHOOSE((vl)(deviation > mean * 1e-9), (close[d] - mean) / (2 * deviation), ALL(NAN));
}

/* Highest and lowest over `rows` rows that end at d, and how many of each exist. */
typedef struct {
    vd high, low;
    vl highs, lows;
} range_t;

INLINE range_t range_of(const block_t *b, int64_t d, int64_t rows) {
    range_t r = {ALL(-INFINITY), ALL(INFINITY), COUNT(0), COUNT(0)};
    for (int64_t k = d >= rows ? d - rows + 1 : 0; k <= d; k++) {
        vl up = (vl)(b->high[k] > r.high), down = (vl)(b->low[k] < r.low);
        r.high = CHOOSE(up, b->high[k], r.high);
        r.low = CHOOSE(down, b->low[k], r.low);
        r.highs -= KNOWN(b->high[k]);
        r.lows -= KNOWN(b->low[k]);
    }
    return r;
}

INLINE vd position(vd close, range_t r, int64_t least) {
    vl enough = (vl)(r.highs >= least) & (vl)(r.lows >= least);
    vd width = r.high - r.low;
    enough &= (vl)(width > (r.high + r.low) * 0.5e-9);
    return CHOOSE(enough, (close - r.low) / width * 100, ALL(NAN));
}

static void windows(const prices_t *p, const block_t *b, int64_t column, int64_t lanes, const uint8_t *alive_rows) {
    static const int64_t back[4] = {20, 60, 120, 240};
    for (int64_t d = p->first; d < p->stop; d++) {
        vd close = b->close[d];
        vl alive = COUNT(0);
        for (int64_t l = 0; l < lanes; l++)
            alive[l] = alive_rows[(d - p->first) * p->instruments + column + l] ? -1 : 0;
        for (int m = 0; m < 4; m++) {
            vd change = d >= back[m] ? (close / b->close[d - back[m]] - 1) * 100 : ALL(NAN);
            put(p, MOMENTUM_1M + m, d, column, lanes, change, alive);
            if (back[m] == 60) {
                vd market = d >= 60 ? (b->level[d] / b->level[d - 60] - 1) * 100 : ALL(NAN);
                put(p, RELATIVE_STRENGTH, d, column, lanes, change - market, alive);
            }
        }
        put(p, CHANGE_RATE, d, column, lanes, d >= 1 ? (close / b->close[d - 1] - 1) * 100 : ALL(NAN), alive);
        if (p->out[FROM_HIGH] || p->out[FROM_LOW] || p->out[PRICE_POSITION]) {
            range_t year = range_of(b, d, 250);
            vd high = CHOOSE((vl)(year.highs >= 120), year.high, ALL(NAN));
            vd low = CHOOSE((vl)(year.lows >= 120), year.low, ALL(NAN));
            put(p, FROM_HIGH, d, column, lanes, (close / high - 1) * 100, alive);
            put(p, FROM_LOW, d, column, lanes, (close / low - 1) * 100, alive);
            put(p, PRICE_POSITION, d, column, lanes, position(close, year, 120), alive);
        }
        if (p->out[STOCHASTIC])
            put(p, STOCHASTIC, d, column, lanes, position(close, range_of(b, d, 14), 14), alive);
        if (p->out[VOLUME_MOMENTUM])
            put(p, VOLUME_MOMENTUM, d, column, lanes, growth_of_mean(b->value, d), alive);
        if (p->out[VOLUME_ROC])
            put(p, VOLUME_ROC, d, column, lanes, growth_of_mean(b->volume, d), alive);
        if (p->out[BOLLINGER])
            put(p, BOLLINGER, d, column, lanes, bollinger(b->close, d), alive);
        if (p->out[BETA])
            put(p, BETA, d, column, lanes, beta(b, d), alive);
    }
}

/* RSI and MACD from the first row on; rows without a close are left out, so that they leave the state as it is. */
static void recursions(const prices_t *p, const block_t *b, int64_t column, int64_t lanes, const uint8_t *alive_rows) {
    vl n = COUNT(0);
    vd previous = ALL(0), gain = ALL(0), loss = ALL(0), fast = ALL(0), slow = ALL(0), signal = ALL(0);
    for (int64_t d = 0; d < p->stop; d++) {
        vd x = b->close[d];
        vl seen = KNOWN(x), first = seen & (vl)(n == 0), later = seen & (vl)(n > 0);
        n -= seen;
        vd change = CHOOSE(later, x - previous, ALL(0));
        vd up = CHOOSE((vl)(change > 0), change, ALL(0)), down = CHOOSE((vl)(change < 0), -change, ALL(0));
        vl mean = (vl)(n == 15), after = (vl)(n > 15);
        vd next_gain = CHOOSE(after, (gain * 13 + up) / 14, gain + up);
        vd next_loss = CHOOSE(after, (loss * 13 + down) / 14, loss + down);
        gain = CHOOSE(later, CHOOSE(mean, next_gain / 14, next_gain), gain);
        loss = CHOOSE(later, CHOOSE(mean, next_loss / 14, next_loss), loss);
        previous = CHOOSE(seen, x, previous);

        fast = CHOOSE(first, x, CHOOSE(later, fast + (x - fast) * (2.0 / 13), fast));
        slow = CHOOSE(first, x, CHOOSE(later, slow + (x - slow) * (2.0 / 27), slow));
        vd macd = fast - slow;
        signal = CHOOSE(later, signal + (macd - signal) * (2.0 / 10), signal);
        if (d < p->first)
            continue;
        vl alive = COUNT(0);
        for (int64_t l = 0; l < lanes; l++)
            alive[l] = alive_rows[(d - p->first) * p->instruments + column + l] ? -1 : 0;
        vd total = gain + loss;
        vd rsi = CHOOSE((vl)(total > 0), 100 * (gain / total), ALL(0));
        put(p, RSI, d, column, lanes, rsi, alive & (vl)(n >= 15));
        put(p, MACD, d, column, lanes, (macd - signal) / x * 100, alive & (vl)(n >= 35));
    }
}

/* Every price factor that `out` asks for; `alive` [stop - first, instruments] says where a stock has factors at all.
 * Returns 0, or -1 without memory. */
int factors_prices(const prices_t *p, const uint8_t *alive) {
    int whole = p->out[RSI] || p->out[MACD];
    int64_t reach = p->first - 253 - CARRY_ROWS, from = whole || reach < 0 ? 0 : reach;
    enum { COLUMNS = 9 };
    int64_t rows = p->stop - from;
    vd *memory = rows > 0 ? aligned_alloc(64, (size_t)rows * COLUMNS * sizeof(vd)) : NULL;
    if (!memory)
        return rows > 0 ? -1 : 0;
    vd *at[COLUMNS];
    for (int c = 0; c < COLUMNS; c++)
        at[c] = memory + c * rows - from;
    block_t block = {at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8]};
    for (int64_t column = 0; column < p->instruments; column += LANES) {
        int64_t lanes = p->instruments - column < LANES ? p->instruments - column : LANES;
        gather(p, &block, from, column, lanes);
        windows(p, &block, column, lanes, alive);
        if (whole)
            recursions(p, &block, column, lanes, alive);
    }
    free(memory);
    return 0;
}
