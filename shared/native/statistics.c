/* What the figures of a finished run are made of: its returns, its falls, sums over days and over round trips.
 *
 * Sums are pairwise, in the order of numpy's `add.reduce` over contiguous float64, and nothing is contracted: every
 * machine has the same bits, and they are those of the slow reference in the tests. */

#include <math.h>
#include <stdint.h>

static double sum(const double *a, int64_t n) {
    if (n < 8) {
        double found = n ? -0.0 : 0.0;
        for (int64_t i = 0; i < n; i++) found += a[i];
        return found;
    }
    if (n <= 128) {
        double r[8];
        int64_t i = 8;
        for (int j = 0; j < 8; j++) r[j] = a[j];
        for (; i < n - n % 8; i += 8)
            for (int j = 0; j < 8; j++) r[j] += a[i + j];
        double found = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        for (; i < n; i++) found += a[i];
        return found;
    }
    int64_t half = n / 2;
    half -= half % 8;
    return sum(a, half) + sum(a + half, n - half);
}

static double mean(const double *a, int64_t n) { return sum(a, n) / (double)n; }

/* Of values, each less `less`. */
static double mean_above(const double *a, int64_t n, double less, double *work) {
    for (int64_t i = 0; i < n; i++) work[i] = a[i] - less;
    return mean(work, n);
}

/* Sample deviation; NaN for fewer than two values. */
static double deviation(const double *a, int64_t n, double *work) {
    if (n < 2) return NAN;
    double middle = mean(a, n);
    for (int64_t i = 0; i < n; i++) {
        double spread = a[i] - middle;
        work[i] = spread * spread;
    }
    return sqrt(sum(work, n) / (double)(n - 1));
}

typedef struct {
    const double *equity, *cash, *benchmark; /* benchmark: returns, or null */
    int64_t rows, idle;                      /* idle: rows before the first purchase */
    double initial_cash, daily_rf;
    double *returns, *drawdowns; /* out, `rows` each */
    double *work;                /* room for 3 rows */
} course;

typedef struct {
    double best, worst, deviation, excess, below; /* of known returns; excess: mean above the risk-free rate */
    double active_deviation, active_excess;       /* from the first purchase on */
    double equity, exposure;                      /* means; exposure is NaN without a day of positive equity */
    double depth;                                 /* of the deepest fall, and its rows: */
    int64_t peak, bottom, regained;               /* regained: -1 when it never was */
    int64_t compared;                             /* days with a return, when there is a benchmark; and of these: */
    double variance, covariance, above, benchmark_above, apart, difference;
} measures;

static void falls(const course *c, measures *m) {
    double highest = -INFINITY;
    int64_t at_peak = -1, last_peak = -1;
    m->depth = INFINITY;
    for (int64_t i = 0; i < c->rows; i++) {
        if (c->equity[i] > highest) highest = c->equity[i];
        double peak = highest > c->initial_cash ? highest : c->initial_cash;
        c->drawdowns[i] = c->equity[i] / peak - 1;
        if (c->drawdowns[i] < m->depth) {
            m->depth = c->drawdowns[i];
            m->bottom = i;
            last_peak = at_peak;
        }
        if (c->drawdowns[i] >= 0) at_peak = i;
    }
    m->peak = last_peak < 0 ? 0 : last_peak;
    m->regained = -1;
    for (int64_t i = m->bottom; i < c->rows && m->regained < 0; i++)
        if (c->drawdowns[i] >= 0) m->regained = i;
}

static void against(const course *c, measures *m) {
    double *r = c->work, *b = r + c->rows, *work = b + c->rows;
    int64_t n = 0;
    for (int64_t i = 0; i < c->rows; i++) {
        if (isnan(c->returns[i])) continue;
        r[n] = c->returns[i];
        b[n++] = c->benchmark[i];
    }
    m->compared = n;
    if (n < 2) return;
    double middle = mean(r, n), benchmark = mean(b, n);
    for (int64_t i = 0; i < n; i++) {
        double spread = b[i] - benchmark;
        work[i] = spread * spread;
    }
    m->variance = sum(work, n);
    for (int64_t i = 0; i < n; i++) work[i] = (r[i] - middle) * (b[i] - benchmark);
    m->covariance = sum(work, n);
    m->above = mean_above(r, n, c->daily_rf, work);
    m->benchmark_above = mean_above(b, n, c->daily_rf, work);
    for (int64_t i = 0; i < n; i++) r[i] -= b[i];
    m->apart = deviation(r, n, work);
    m->difference = mean(r, n);
}

void measure(const course *c, measures *m) {
    double *known = c->work, *work = known + c->rows;
    int64_t n = 0, first = 0; /* known returns; of these the first one of an active day */
    for (int64_t i = 0; i < c->rows; i++) {
        double before = i ? c->equity[i - 1] : c->initial_cash;
        c->returns[i] = before > 0 ? c->equity[i] / before - 1 : NAN;
    }
    m->best = -INFINITY;
    m->worst = INFINITY;
    for (int64_t i = 0; i < c->rows; i++) {
        double value = c->returns[i];
        if (isnan(value)) continue;
        first += i < c->idle;
        if (value > m->best) m->best = value;
        if (value < m->worst) m->worst = value;
        known[n++] = value;
    }
    m->deviation = deviation(known, n, work);
    m->excess = mean_above(known, n, c->daily_rf, work);
    for (int64_t i = 0; i < n; i++) {
        double excess = known[i] - c->daily_rf;
        work[i] = excess < 0 ? excess * excess : 0.0;
    }
    m->below = sqrt(mean(work, n));
    m->active_deviation = deviation(known + first, n - first, work);
    m->active_excess = n > first ? mean_above(known + first, n - first, c->daily_rf, work) : NAN;
    m->equity = mean(c->equity, c->rows);
    n = 0;
    for (int64_t i = 0; i < c->rows; i++)
        if (c->equity[i] > 0) known[n++] = (c->equity[i] - c->cash[i]) / c->equity[i];
    m->exposure = n ? mean(known, n) : NAN;
    falls(c, m);
    m->compared = 0;
    if (c->benchmark) against(c, m);
}

typedef struct {
    double won_sum, lost_sum, won_part, lost_part; /* sums of gains in money, means of gains as a part of the cost */
    int64_t won, days;
} outcomes;

/* A round trip's record is `size` bytes with cost and brought at these offsets (float64). gains, parts: out; work: room
 * for 2 n. */
void judge_trips(const char *trips, int64_t n, int64_t size, int64_t cost, int64_t brought, const int32_t *ages,
                 double *gains, double *parts, double *work, outcomes *o) {
    double *gained = work, *of_cost = work + n;
    int64_t won = 0;
    o->days = 0;
    for (int64_t i = 0; i < n; i++) {
        double paid = *(const double *)(trips + i * size + cost);
        gains[i] = *(const double *)(trips + i * size + brought) - paid;
        parts[i] = gains[i] / paid;
        o->days += ages[i];
        won += gains[i] > 0;
    }
    int64_t lost = n - won, w = 0, l = won;
    o->won = won;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = gains[i] > 0 ? w++ : l++;
        gained[at] = gains[i];
        of_cost[at] = parts[i];
    }
    o->won_sum = sum(gained, won);
    o->lost_sum = sum(gained + won, lost);
    o->won_part = won ? mean(of_cost, won) : NAN;
    o->lost_part = lost ? mean(of_cost + won, lost) : NAN;
}
