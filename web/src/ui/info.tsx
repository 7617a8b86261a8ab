// A button (i) that shows a note beside a figure.
import { useId, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { useDismiss } from "./dismiss.ts";

export function Info({ label, children }: { label: string; children: ComponentChildren }) {
  const id = useId();
  const box = useRef<HTMLSpanElement>(null);
  const [open, setOpen] = useState(false);
  useDismiss(box, open, () => setOpen(false));
  return (
    <span class="info" ref={box}>
      <button type="button" class="info-button" aria-label={label} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>i</button>
      <span id={id} class="info-note" role="note" hidden={!open}>{children}</span>
    </span>
  );
}
