// How alike the daily returns of backtests are; tested against a plain loop in tests/compare.test.ts.

/** Return the daily returns of a curve; null where a value is absent or not above 0 the day before. */
export function returnsOf(curve: readonly (number | null)[]): (number | null)[] {
  return curve.map((value, at) => {
    const before = at > 0 ? curve[at - 1]! : null;
    return value === null || before === null || before <= 0 ? null : value / before - 1;
  });
}

/** Return Pearson's correlation over the days that both have; null with fewer than 3 days or without variation. */
export function correlation(a: readonly (number | null)[], b: readonly (number | null)[]): number | null {
  const pairs = a.flatMap((value, at): [number, number][] => (value === null || b[at] == null ? [] : [[value, b[at]!]]));
  if (pairs.length < 3) return null;
  const mean = (of: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[of], 0) / pairs.length;
  const [meanA, meanB] = [mean(0), mean(1)];
  let [both, squareA, squareB] = [0, 0, 0];
  for (const [x, y] of pairs) {
    both += (x - meanA) * (y - meanB);
    squareA += (x - meanA) ** 2;
    squareB += (y - meanB) ** 2;
  }
  return squareA <= 1e-24 || squareB <= 1e-24 ? null : both / Math.sqrt(squareA * squareB);
}

/** Return the matrix of correlations of curves. */
export function correlations(curves: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const returns = curves.map(returnsOf);
  return returns.map((a) => returns.map((b) => correlation(a, b)));
}
