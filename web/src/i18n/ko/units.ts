// Korean units of money, the largest first.
export const WON = "원";
export const WON_UNITS: readonly [number, string][] = [[1e12, "조"], [1e8, "억"], [1e4, "만"]];
