// Values of parameters as text.
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";

/** Return a value of a parameter as text. */
export function parameterText(value: unknown): string {
  return value === null ? t("sweep.off") : typeof value === "number" ? number(value, Number.isInteger(value) ? 0 : 4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") : String(value);
}
