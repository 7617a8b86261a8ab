// Figures that rise or fall: colour, sign and an arrow, never colour alone.
import { signed, signedPercent } from "../format/number.ts";

type Value = number | null | undefined;

/** Return the class of the colour of a value. */
export function directionOf(value: Value): "up" | "down" | "flat" {
  return value && value > 0 ? "up" : value && value < 0 ? "down" : "flat";
}

const ARROWS = { up: "▲", down: "▼", flat: "" } as const;

/** A fraction as a percentage with its direction. */
export function Change({ value, decimals = 2 }: { value: Value; decimals?: number }) {
  const direction = directionOf(value);
  return (
    <span class={`change ${direction}`}>
      {ARROWS[direction] && <span class="arrow" aria-hidden="true">{ARROWS[direction]}</span>}
      {signedPercent(value, decimals)}
    </span>
  );
}

/** An amount of won with its direction. */
export function Gain({ value }: { value: Value }) {
  return <span class={`change ${directionOf(value)}`}>{signed(value, 0)}</span>;
}
