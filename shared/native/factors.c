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

#include "native.h"

/* ---------------------------------------------------------------- statements */

/* Quantities of an event: each account now, each a year ago, and these. */
enum { REVENUE_3Y, NET_INCOME_3Y, NET_INCOME_OWNERS_3Y, ANNUAL_EARNINGS, FURTHER };
enum { YEARS = 4, ANNUAL_MIN = 3, ANNUAL_MAX = 10, YEAR_MIN_DAYS = 350, YEAR_MAX_DAYS = 380 };

typedef struct {
    int64_t key; /* fiscal year * 4 + quarter - 1 */
    int64_t row; /* the statement disclosed last for this key */
} known_t;

static int64_t position(const known_t *known, int64_t n, int64_t key) {
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

/* The statement of a period, -1 when it is not known. */
static int64_t find(const known_t *known, int64_t n, int64_t year, int quarter) {
    int64_t key = year * 4 + quarter - 1, at = position(known, n, key);
    return at < n && known[at].key == key ? known[at].row : -1;
}

/* The statements of a trailing sum: now + whole - part, or now alone (`whole` -1); `now` is -1 where there is none. */
typedef struct {
    int64_t now, whole, part;
} sum_t;

/* The sum of the twelve months up to (year, quarter). There is none when the same period of the year before ended
 * fewer than 350 or more than 380 days earlier: the fiscal year was changed in between. */
static sum_t trailing(const known_t *known, int64_t n, int64_t year, int quarter, const int32_t *period_end) {
    const sum_t none = {-1, -1, -1};
    sum_t sum = {find(known, n, year, quarter), -1, find(known, n, year - 1, quarter)};
    if (sum.now < 0)
        return none;
    if (sum.part >= 0) {
        int64_t days = (int64_t)period_end[sum.now] - period_end[sum.part];
        if (days < YEAR_MIN_DAYS || days > YEAR_MAX_DAYS)
            return none;
    }
    if (quarter == 4)
        return sum;
    sum.whole = find(known, n, year - 1, 4);
    return sum.whole >= 0 && sum.part >= 0 ? sum : none;
}

static double total(const sum_t *sum, const double *accounts, const statement_layout *layout, int64_t flow) {
    if (sum->now < 0)
        return NAN;
    const double *of = accounts + flow;
    double now = of[sum->now * layout->accounts];
    return sum->whole < 0 ? now : now + of[sum->whole * layout->accounts] - of[sum->part * layout->accounts];
}

/* Statements sorted by instrument, then disclosure day. Writes one event for each (instrument, disclosure day) with
 * the quantities known from that day on; returns how many, or -1 without memory. */
int64_t factors_events(int64_t count, const statement_layout *layout, const int32_t *instrument, const int32_t *year,
                       const int32_t *quarter, const int32_t *period_end, const int32_t *disclosed_on,
                       const double *accounts, int32_t *event_instrument, int32_t *event_day,
                       int32_t *event_period_end, double *values) {
    known_t *known = malloc((size_t)(count + 1) * sizeof *known);
    if (!known)
        return -1;
    const int64_t width = layout->accounts;
    int64_t events = 0, n = 0;
    for (int64_t s = 0; s < count; s++) {
        if (s && instrument[s] != instrument[s - 1])
            n = 0;
        int64_t key = (int64_t)year[s] * 4 + quarter[s] - 1, at = position(known, n, key);
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
        const int64_t row = known[latest].row, y = year[row];
        const int q = quarter[row];
        double *now = values + events * (2 * width + FURTHER), *year_ago = now + width, *further = now + 2 * width;
        sum_t sums[YEARS];
        for (int back = 0; back < YEARS; back++)
            sums[back] = trailing(known, n, y - back, q, period_end);
        for (int64_t a = 0; a < layout->flows; a++) {
            now[a] = total(&sums[0], accounts, layout, a);
            year_ago[a] = total(&sums[1], accounts, layout, a);
        }
        const int64_t before = find(known, n, y - 1, q);
        for (int64_t a = layout->flows; a < width; a++) {
            now[a] = accounts[row * width + a];
            year_ago[a] = before < 0 ? NAN : accounts[before * width + a];
        }
        further[REVENUE_3Y] = total(&sums[3], accounts, layout, layout->revenue);
        further[NET_INCOME_3Y] = total(&sums[3], accounts, layout, layout->net_income);
        further[NET_INCOME_OWNERS_3Y] = total(&sums[3], accounts, layout, layout->net_income_owners);

        double annual[ANNUAL_MAX];
        int years = 0;
        for (int64_t k = n - 1; k >= 0 && years < ANNUAL_MAX; k--) {
            const double *of = accounts + known[k].row * width;
            double owners = of[layout->net_income_owners];
            double income = owners == owners ? owners : of[layout->net_income];
            if (quarter[known[k].row] == 4 && income == income)
                annual[years++] = income;
        }
        double mean = 0;
        for (int k = years - 1; k >= 0; k--)
            mean += annual[k];
        further[ANNUAL_EARNINGS] = years >= ANNUAL_MIN ? mean / years : NAN;

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

enum { CYCLE_DAYS = 350, STALE_DAYS = 480 };

/* The first row on or after a day. */
static int64_t row_of(const int32_t *days, int64_t rows, int64_t day) {
    int64_t low = 0, high = rows;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (days[middle] < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Trailing dividends on rows [first, stop), won on the share basis of the row: of the dividends known on a row those
 * with an ex-date in (e - 350 days, e], where e is the latest of their ex-dates; 0 when e <= d - 480 days. `sum`
 * [stop - first, instruments] is NaN on entry and stays so where nothing is known. Dividends are sorted by instrument,
 * `known_on` (the later of ex-date and disclosure), ex-date and amount. */
void factors_dividends(int64_t count, int64_t rows, int64_t first, int64_t stop, int64_t instruments,
                       const int32_t *days, const int32_t *instrument, const int32_t *known_on, const int32_t *ex_date,
                       const double *dps, const double *adjust, int64_t stride, double *sum) {
    int64_t begin = 0, latest = INT64_MIN; /* the instrument's first dividend, and e */
    for (int64_t v = 0; v < count; v++) {
        const int64_t i = instrument[v];
        if (v && instrument[v - 1] != i)
            begin = v, latest = INT64_MIN;
        if (ex_date[v] > latest)
            latest = ex_date[v];
        const int more = v + 1 < count && instrument[v + 1] == i;
        if (more && known_on[v + 1] == known_on[v])
            continue;
        int64_t from = row_of(days, rows, known_on[v]), to = more ? row_of(days, rows, known_on[v + 1]) : rows;
        from = from > first ? from : first, to = to < stop ? to : stop;
        if (from >= to)
            continue;
        const int64_t stale = row_of(days, rows, latest + STALE_DAYS);
        for (int64_t d = from; d < to; d++)
            sum[(d - first) * instruments + i] = 0;
        to = to < stale ? to : stale;
        for (int64_t k = begin; k <= v; k++) {
            if (ex_date[k] <= latest - CYCLE_DAYS)
                continue;
            const int64_t paid_on = row_of(days, rows, (int64_t)ex_date[k] + 1) - 1;
            const double basis = paid_on < 0 ? 1 : adjust[paid_on * stride + i];
            for (int64_t d = from; d < to; d++)
                sum[(d - first) * instruments + i] += dps[k] / (adjust[d * stride + i] / basis);
        }
    }
}

/* ---------------------------------------------------------------- prices */

enum { LANES = 8, CARRY_ROWS = 60 };
static const double NOISE = 1e-9; /* a change of a price below this share of it is none */
typedef double vd __attribute__((vector_size(64)));
typedef int64_t vl __attribute__((vector_size(64)));
typedef float vf __attribute__((vector_size(32)));

#define INLINE static inline __attribute__((always_inline))
#define ALL(x) ((vd){(x), (x), (x), (x), (x), (x), (x), (x)})
#define COUNT(x) ((vl){(x), (x), (x), (x), (x), (x), (x), (x)})
#define CHOOSE(mask, a, b) ((vd)(((vl)(a) & (mask)) | ((vl)(b) & ~(mask))))
#define KNOWN(x) ((vl)((x) == (x)))



/* Columns of one block, a row each; `from` is the first row that any of them holds. */
typedef struct {
    vd *close, *high, *low, *volume, *value, *level, *stock_return, *index_return, *pair;
} block_t;

static void put(const factor_prices *p, int which, int64_t day, int64_t column, int64_t lanes, vd value, vl listed) {
    if (!p->out[which])
        return;
    float *to = p->out[which] + (day - p->first) * p->instruments + column;
    vl sound = listed & (vl)(value <= FLT_MAX) & (vl)(value >= -FLT_MAX);
    vf narrow = __builtin_convertvector(CHOOSE(sound, value, ALL(NAN)), vf);
    if (lanes == LANES)
        memcpy(to, &narrow, sizeof narrow);
    else
        for (int64_t l = 0; l < lanes; l++)
            to[l] = narrow[l];
}

/* a / b - 1; exactly 0 where it is noise. */
INLINE vd change_of(vd a, vd b) {
    vd change = a / b - 1;
    return CHOOSE((vl)(change < NOISE) & (vl)(change > -NOISE), ALL(0), change);
}

static void gather(const factor_prices *p, const block_t *b, int64_t from, int64_t column, int64_t lanes) {
    const double *level[LANES], *change[LANES];
    for (int64_t l = 0; l < LANES; l++) {
        int64_t series = l < lanes ? p->market[column + l] : p->indices;
        level[l] = p->index_level + series * p->days;
        change[l] = p->index_return + series * p->days;
    }
    for (int64_t d = from; d < p->stop; d++) {
        double in[6][LANES], index[2][LANES];
        int64_t idle_rows[LANES];
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
            idle_rows[l] = l < lanes ? p->idle[d * p->stride[6] + column + l] : CARRY_ROWS + 1;
            index[0][l] = level[l][d];
            index[1][l] = change[l][d];
        }
        vd high, low, volume, value, last, factor, index_return;
        vl idle;
        memcpy(&high, in[0], sizeof high), memcpy(&low, in[1], sizeof low), memcpy(&volume, in[2], sizeof volume);
        memcpy(&value, in[3], sizeof value), memcpy(&last, in[4], sizeof last), memcpy(&factor, in[5], sizeof factor);
        memcpy(&b->level[d], index[0], sizeof(vd)), memcpy(&index_return, index[1], sizeof index_return);
        memcpy(&idle, idle_rows, sizeof idle);
        factor = CHOOSE(KNOWN(factor), factor, ALL(1));
        vd close = last * factor, previous = d > from ? b->close[d - 1] : close;
        /* a carried close is the same number, whatever splits fall on the rows between */
        vl tradable = (vl)(idle == 0), carried = (vl)(idle <= CARRY_ROWS);
        close = CHOOSE(tradable, close, previous);
        b->close[d] = close = CHOOSE(carried, close, ALL(NAN));
        b->high[d] = CHOOSE(tradable & (vl)(high > 0), high * factor, ALL(NAN));
        b->low[d] = CHOOSE(tradable & (vl)(low > 0), low * factor, ALL(NAN));
        /* rows without trading have a volume of 0, whatever the source repeats on them */
        vd without = CHOOSE(carried, ALL(0), ALL(NAN));
        b->volume[d] = CHOOSE(tradable, volume / factor, without);
        b->value[d] = CHOOSE(tradable, value, without);
        vd stock_return = d > from ? change_of(close, b->close[d - 1]) : ALL(NAN);
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
    vd least = NOISE * y;
    vl decided = (vl)(n >= 120) & (vl)(var > 0) & (vl)(var / (n - 1) >= least * least);
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
    return CHOOSE((vl)(deviation >= mean * NOISE), (close[d] - mean) / (2 * deviation), ALL(NAN));
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

INLINE vd place_in(vd close, range_t r, int64_t least) {
    vl enough = (vl)(r.highs >= least) & (vl)(r.lows >= least);
    vd width = r.high - r.low;
    enough &= (vl)(width >= (r.high + r.low) * (NOISE / 2));
    return CHOOSE(enough, (close - r.low) / width * 100, ALL(NAN));
}

static void windows(const factor_prices *p, const block_t *b, int64_t column, int64_t lanes, const uint8_t *listed_rows) {
    static const int64_t back[4] = {20, 60, 120, 240};
    for (int64_t d = p->first; d < p->stop; d++) {
        vd close = b->close[d];
        vl listed = COUNT(0);
        for (int64_t l = 0; l < lanes; l++)
            listed[l] = listed_rows[(d - p->first) * p->instruments + column + l] ? -1 : 0;
        for (int m = 0; m < 4; m++) {
            vd change = d >= back[m] ? change_of(close, b->close[d - back[m]]) * 100 : ALL(NAN);
            put(p, MOMENTUM_1M + m, d, column, lanes, change, listed);
            if (back[m] == 60) {
                vd market = d >= 60 ? change_of(b->level[d], b->level[d - 60]) * 100 : ALL(NAN);
                put(p, RELATIVE_STRENGTH, d, column, lanes, change - market, listed);
            }
        }
        put(p, CHANGE_RATE, d, column, lanes, d >= 1 ? change_of(close, b->close[d - 1]) * 100 : ALL(NAN), listed);
        if (p->out[DISTANCE_FROM_52W_HIGH] || p->out[DISTANCE_FROM_52W_LOW] || p->out[PRICE_POSITION]) {
            range_t year = range_of(b, d, 250);
            vd high = CHOOSE((vl)(year.highs >= 120), year.high, ALL(NAN));
            vd low = CHOOSE((vl)(year.lows >= 120), year.low, ALL(NAN));
            put(p, DISTANCE_FROM_52W_HIGH, d, column, lanes, change_of(close, high) * 100, listed);
            put(p, DISTANCE_FROM_52W_LOW, d, column, lanes, change_of(close, low) * 100, listed);
            put(p, PRICE_POSITION, d, column, lanes, place_in(close, year, 120), listed);
        }
        if (p->out[STOCHASTIC_14])
            put(p, STOCHASTIC_14, d, column, lanes, place_in(close, range_of(b, d, 14), 14), listed);
        if (p->out[VOLUME_MOMENTUM])
            put(p, VOLUME_MOMENTUM, d, column, lanes, growth_of_mean(b->value, d), listed);
        if (p->out[VOLUME_ROC])
            put(p, VOLUME_ROC, d, column, lanes, growth_of_mean(b->volume, d), listed);
        if (p->out[BOLLINGER_POSITION])
            put(p, BOLLINGER_POSITION, d, column, lanes, bollinger(b->close, d), listed);
        if (p->out[BETA])
            put(p, BETA, d, column, lanes, beta(b, d), listed);
    }
}

/* RSI_14 and MACD_SIGNAL from the first row on; rows without a close leave the state as it is. */
static void recursions(const factor_prices *p, const block_t *b, int64_t column, int64_t lanes, const uint8_t *listed_rows) {
    vl n = COUNT(0);
    vd previous = ALL(0), level = ALL(0), gain = ALL(0), loss = ALL(0), fast = ALL(0), slow = ALL(0), signal = ALL(0);
    for (int64_t d = 0; d < p->stop; d++) {
        vd x = b->close[d];
        vl seen = KNOWN(x), first = seen & (vl)(n == 0), later = seen & (vl)(n > 0);
        n -= seen;
        vd change = CHOOSE(later, x - previous, ALL(0)), least = NOISE * previous;
        change = CHOOSE((vl)(change < least) & (vl)(change > -least), ALL(0), change);
        level = CHOOSE(first | (later & (vl)(change != 0)), x, level); /* the close without noise */
        vd up = CHOOSE((vl)(change > 0), change, ALL(0)), down = CHOOSE((vl)(change < 0), -change, ALL(0));
        vl mean = (vl)(n == 15), after = (vl)(n > 15);
        vd next_gain = CHOOSE(after, (gain * 13 + up) / 14, gain + up);
        vd next_loss = CHOOSE(after, (loss * 13 + down) / 14, loss + down);
        gain = CHOOSE(later, CHOOSE(mean, next_gain / 14, next_gain), gain);
        loss = CHOOSE(later, CHOOSE(mean, next_loss / 14, next_loss), loss);
        previous = CHOOSE(seen, x, previous);

        fast = CHOOSE(first, level, CHOOSE(later, fast + (level - fast) * (2.0 / 13), fast));
        slow = CHOOSE(first, level, CHOOSE(later, slow + (level - slow) * (2.0 / 27), slow));
        vd macd = fast - slow;
        signal = CHOOSE(later, signal + (macd - signal) * (2.0 / 10), signal);
        if (d < p->first)
            continue;
        vl listed = COUNT(0);
        for (int64_t l = 0; l < lanes; l++)
            listed[l] = listed_rows[(d - p->first) * p->instruments + column + l] ? -1 : 0;
        vd total = gain + loss;
        vd rsi = CHOOSE((vl)(total > 0), 100 * (gain / total), ALL(0));
        put(p, RSI_14, d, column, lanes, rsi, listed & (vl)(n >= 15));
        put(p, MACD_SIGNAL, d, column, lanes, (macd - signal) / x * 100, listed & (vl)(n >= 35));
    }
}

/* Every price factor that `out` asks for; `listed` [stop - first, instruments] says where a stock has factors at all.
 * Returns 0, or -1 without memory. */
int factors_prices(const factor_prices *p, const uint8_t *listed) {
    int whole = p->out[RSI_14] || p->out[MACD_SIGNAL];
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
        windows(p, &block, column, lanes, listed);
        if (whole)
            recursions(p, &block, column, lanes, listed);
    }
    free(memory);
    return 0;
}

/* Size of structure `which`, in the order in which Python lists them; 0 after the last. */
int64_t abi_size(int64_t which) {
    static const int64_t sizes[] = {sizeof(factor_prices), sizeof(statement_layout)};
    return which >= 0 && which < (int64_t)(sizeof(sizes) / sizeof(*sizes)) ? sizes[which] : 0;
}

/* Constant `which` that Python has too, in the order in which Python lists them; -1 after the last. */
int64_t abi_constant(int64_t which) {
    static const int64_t constants[] = {CARRY_ROWS};
    return which >= 0 && which < (int64_t)(sizeof(constants) / sizeof(*constants)) ? constants[which] : -1;
}
