// A line with more days than pixels: of neighbouring days that share a place the lowest and the highest are drawn.

/**
 * Return how many neighbouring days share a place of the chart: 1 while a pixel has at most two days, else the power of two
 * with which a place is 1.4 to 2.8 pixels wide, about as wide as a line.
 */
export function placeDays(days: number, pixels: number): number {
  return days <= 2 * pixels ? 1 : 2 ** Math.round(Math.log2((2 * days) / pixels));
}

/**
 * Return which points are drawn: those whose value is the lowest or the highest of its place of `size` days, and the first
 * and the last of all. The others stay as days without a value, so the time scale and the cursor are those of all days.
 */
export function drawn(points: readonly { value?: number | undefined }[], size: number): Uint8Array {
  const found = new Uint8Array(points.length).fill(size <= 1 ? 1 : 0);
  if (size <= 1 || points.length === 0) return found;
  found[0] = found[points.length - 1] = 1;
  for (let start = 0; start < points.length; start += size) {
    let low = -1;
    let high = -1;
    for (let at = start; at < Math.min(start + size, points.length); at += 1) {
      const value = points[at]!.value;
      if (value === undefined) continue;
      if (low < 0 || value < points[low]!.value!) low = at;
      if (high < 0 || value > points[high]!.value!) high = at;
    }
    if (low >= 0) found[low] = found[high] = 1;
  }
  return found;
}
