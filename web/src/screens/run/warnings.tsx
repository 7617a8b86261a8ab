// Warnings of a result, each as a sentence.
import type { Result } from "../../api/types.ts";

export function Warnings({ result }: { result: Pick<Result, "warnings"> }) {
  return (
    <>
      {result.warnings.map((warning) => {
        const text = typeof warning === "string" ? warning : warning.message;
        return <p class="warning" role="note" key={text}>⚠ {text}</p>;
      })}
    </>
  );
}
