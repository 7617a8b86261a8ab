// A button (i) that shows a note beside a figure.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";

export function Info({ label, children }: { label: string; children: ComponentChildren }) {
  const id = useId();
  const box = useRef<HTMLSpanElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (!open) return undefined;
    const close = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("keydown", close);
    addEventListener("pointerdown", close);
    return () => {
      removeEventListener("keydown", close);
      removeEventListener("pointerdown", close);
    };
  }, [open]);
  return (
    <span class="info" ref={box}>
      <button type="button" class="info-button" aria-label={label} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>i</button>
      <span id={id} class="info-note" role="note" hidden={!open}>{children}</span>
    </span>
  );
}
