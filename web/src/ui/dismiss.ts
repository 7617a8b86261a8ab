// What is open closes by Escape wherever the focus is, and by a press outside of it.
import { useLayoutEffect } from "preact/hooks";
import type { RefObject } from "preact";

/** Call `close` for Escape and for a press outside of `box` while `open`: from the moment it is drawn, not a frame later. */
export function useDismiss(box: RefObject<HTMLElement>, open: boolean, close: (byKey: boolean) => void): void {
  useLayoutEffect(() => {
    if (!open) return undefined;
    const dismiss = (event: Event) => {
      const byKey = event instanceof KeyboardEvent;
      if (byKey ? event.key === "Escape" : !box.current?.contains(event.target as Node)) close(byKey);
    };
    addEventListener("keydown", dismiss);
    addEventListener("pointerdown", dismiss);
    return () => {
      removeEventListener("keydown", dismiss);
      removeEventListener("pointerdown", dismiss);
    };
  }, [open]);
}
