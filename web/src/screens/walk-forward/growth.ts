// Constant growth for the chart of a walk-forward; tested in tests/walk-forward.test.ts.

const YEAR_ROWS = 252; // as the annual growth of the statistics

/** Return what an amount is worth after each of some rows at an annual growth. */
export function growthLine(initial: number, annual: number, rows: number): number[] {
  return Array.from({ length: rows }, (_, row) => initial * (1 + annual) ** ((row + 1) / YEAR_ROWS));
}
