/* The sums behind the statistics of a finished run: daily returns, drawdowns, comparison with a benchmark, round trips.
 *
 * Sums are pairwise, in the order of numpy's `add.reduce` over contiguous float64, and nothing is contracted, so that
 * every machine computes the same bits; tests/support/plain_statistics.py is the slow reference with the same bits.
 *
 * Rounding noise is not a result: a daily return, a drawdown and a gain within NOISE of what it is measured against is
 * 0, and so is a deviation of at most NOISE times the largest value (at least NOISE). */

#include "native.h"

#define NOISE 1e-12

static double sum(const double *a, int64_t n) {
    if (n < 8) {
        double total = n ? -0.0 : 0.0;
        for (int64_t i = 0; i < n; i++) total += a[i];
        return total;
    }
    if (n <= 128) {
        double r[8];
        int64_t i = 8;
        for (int j = 0; j < 8; j++) r[j] = a[j];
        for (; i < n - n % 8; i += 8)
            for (int j = 0; j < 8; j++) r[j] += a[i + j];
        double total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        for (; i < n; i++) total += a[i];
        return total;
    }
    int64_t half = n / 2;
    half -= half % 8;
    return sum(a, half) + sum(a + half, n - half);
}

static double mean(const double *a, int64_t n) { return sum(a, n) / (double)n; }

/* Mean of the values, each less `offset`. */
static double mean_excess(const double *a, int64_t n, double offset, double *work) {
    for (int64_t i = 0; i < n; i++) work[i] = a[i] - offset;
    return mean(work, n);
}

static double without_noise(double value) { return fabs(value) <= NOISE ? 0.0 : value; }

/* 0 for a deviation that is rounding noise of values of this size. */
static double significant(double deviation, const double *a, int64_t n) {
    double largest = 1;
    for (int64_t i = 0; i < n; i++)
        if (fabs(a[i]) > largest) largest = fabs(a[i]);
    return deviation <= NOISE * largest ? 0.0 : deviation;
}

/* Sum of the squared distances from the mean. */
static double squares(const double *a, int64_t n, double *work) {
    double middle = mean(a, n);
    for (int64_t i = 0; i < n; i++) {
        double distance = a[i] - middle;
        work[i] = distance * distance;
    }
    return sum(work, n);
}

/* Sample standard deviation; NaN for fewer than two values. */
static double deviation(const double *a, int64_t n, double *work) {
    return n < 2 ? NAN : significant(sqrt(squares(a, n, work) / (double)(n - 1)), a, n);
}

static void find_drawdown(const equity_curve *c, curve_sums *m) {
    double highest = c->initial_cash;
    int64_t at_peak = -1, last_peak = -1;
    m->depth = INFINITY;
    for (int64_t i = 0; i < c->rows; i++) {
        if (c->equity[i] > highest) highest = c->equity[i];
        c->drawdowns[i] = without_noise(c->equity[i] / highest - 1);
        if (c->drawdowns[i] < m->depth) {
            m->depth = c->drawdowns[i];
            m->bottom = i;
            last_peak = at_peak;
        }
        if (c->drawdowns[i] >= 0) at_peak = i;
    }
    m->peak = last_peak < 0 ? 0 : last_peak;
    m->recovery = -1;
    for (int64_t i = m->bottom; i < c->rows && m->recovery < 0; i++)
        if (c->drawdowns[i] >= 0) m->recovery = i;
}

static void follow_benchmark(const equity_curve *c, curve_sums *m) {
    double level = 1, highest = 1;
    m->benchmark_depth = 0;
    for (int64_t i = 0; i < c->rows; i++) {
        level *= 1 + c->benchmark[i];
        c->levels[i] = level;
        if (level > highest) highest = level;
        double drawdown = without_noise(level / highest - 1);
        if (drawdown < m->benchmark_depth) m->benchmark_depth = drawdown;
    }
    m->benchmark_growth = level;
}

static void compare(const equity_curve *c, curve_sums *m) {
    double *r = c->work, *b = r + c->rows, *work = b + c->rows;
    int64_t n = 0;
    for (int64_t i = 0; i < c->rows; i++) {
        if (isnan(c->returns[i])) continue;
        r[n] = c->returns[i];
        b[n++] = c->benchmark[i];
    }
    if (n < 2) return;
    double middle = mean(r, n), benchmark = mean(b, n);
    m->variance = squares(b, n, work);
    m->benchmark_deviation = significant(sqrt(m->variance / (double)(n - 1)), b, n);
    for (int64_t i = 0; i < n; i++) work[i] = (r[i] - middle) * (b[i] - benchmark);
    m->covariance = sum(work, n);
    m->benchmark_excess = mean_excess(b, n, c->daily_rf, work);
    for (int64_t i = 0; i < n; i++) r[i] -= b[i];
    m->tracking_deviation = deviation(r, n, work);
    m->difference = mean(r, n);
}

void measure_curve(const equity_curve *c, curve_sums *m) {
    double *known = c->work, *work = known + c->rows;
    int64_t n = 0, first = 0; /* returns that exist; index of the first one of an active day */
    m->best = -INFINITY;
    m->worst = INFINITY;
    m->invested = 0;
    for (int64_t i = 0; i < c->rows; i++) {
        double before = i ? c->equity[i - 1] : c->initial_cash;
        double value = before > 0 ? without_noise(c->equity[i] / before - 1) : NAN;
        c->returns[i] = value;
        if (isnan(value)) continue;
        first += i < c->idle_days;
        m->invested += c->positions[i] > 0;
        if (value > m->best) m->best = value;
        if (value < m->worst) m->worst = value;
        known[n++] = value;
    }
    m->counted = n;
    m->deviation = deviation(known, n, work);
    m->excess = mean_excess(known, n, c->daily_rf, work);
    for (int64_t i = 0; i < n; i++) {
        double excess = known[i] - c->daily_rf;
        work[i] = excess < 0 ? excess * excess : 0.0;
    }
    m->downside = significant(sqrt(mean(work, n)), known, n);
    m->active_deviation = deviation(known + first, n - first, work);
    m->active_excess = n > first ? mean_excess(known + first, n - first, c->daily_rf, work) : NAN;
    n = 0;
    for (int64_t i = 0; i < c->rows; i++)
        if (!isnan(c->returns[i])) known[n++] = c->equity[i];
    m->mean_equity = mean(known, n);
    n = 0;
    for (int64_t i = 0; i < c->rows; i++)
        if (c->equity[i] > 0) known[n++] = (c->equity[i] - c->cash[i]) / c->equity[i];
    m->exposure = n ? mean(known, n) : NAN;
    find_drawdown(c, m);
    if (!c->benchmark) return;
    follow_benchmark(c, m);
    compare(c, m);
}

/* Gains (won) and returns (gain / cost) of round trips, with their sums. `work`: scratch for 2 * n values. */
void measure_trips(const round_trip *trips, int64_t n, const int32_t *ages, double *gains, double *returns,
                   double *work, trip_sums *o) {
    double *won = work, *fraction = work + n;
    int64_t wins = 0;
    o->holding_days = 0;
    for (int64_t i = 0; i < n; i++) {
        double paid = trips[i].cost, gain = trips[i].proceeds - paid;
        gains[i] = fabs(gain) <= NOISE * paid ? 0.0 : gain;
        returns[i] = gains[i] / paid;
        o->holding_days += ages[i];
        wins += gains[i] > 0;
    }
    int64_t losses = n - wins, w = 0, l = wins;
    o->wins = wins;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = gains[i] > 0 ? w++ : l++;
        won[at] = gains[i];
        fraction[at] = returns[i];
    }
    o->gains = sum(won, wins);
    o->losses = sum(won + wins, losses);
    o->mean_win = wins ? mean(fraction, wins) : NAN;
    o->mean_loss = losses ? mean(fraction + wins, losses) : NAN;
}

/* Size of structure `which`, in the order in which Python lists them; 0 after the last. */
int64_t abi_size(int64_t which) {
    static const int64_t sizes[] = {sizeof(equity_curve), sizeof(curve_sums), sizeof(trip_sums), sizeof(round_trip)};
    return which >= 0 && which < (int64_t)(sizeof(sizes) / sizeof(*sizes)) ? sizes[which] : 0;
}
