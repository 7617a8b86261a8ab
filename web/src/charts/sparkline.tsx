// A small line without axes, with its meaning as text.
interface Props {
  values: readonly (number | null)[];
  label: string;
  width?: number;
  height?: number;
}

/** Return the points of a line that fills a box, as the text of an SVG polyline. */
export function linePoints(values: readonly (number | null)[], width: number, height: number): string {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return "";
  const low = Math.min(...known);
  const span = Math.max(...known) - low || 1;
  const step = width / (values.length - 1);
  return values
    .flatMap((value, at) => (value === null ? [] : [`${(at * step).toFixed(1)},${(height - 2 - ((value - low) / span) * (height - 4)).toFixed(1)}`]))
    .join(" ");
}

export function Sparkline({ values, label, width = 220, height = 44 }: Props) {
  const known = values.filter((value): value is number => value !== null);
  const direction = known.length > 1 && known.at(-1)! < known[0]! ? "down" : "up";
  return (
    <svg class={`sparkline ${direction}`} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label} preserveAspectRatio="none">
      <polyline points={linePoints(values, width, height)} />
    </svg>
  );
}
