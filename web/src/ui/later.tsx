// What is drawn after the first picture of a screen, so that the first picture is there sooner.
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";

/** Show nothing at first, and what the function makes once the browser has drawn the rest; its place is kept free. */
export function Later({ children }: { children: () => ComponentChildren }) {
  const [isTime, setIsTime] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => requestAnimationFrame(() => setTimeout(setIsTime, 0, true)), 0);
    return () => clearTimeout(timer);
  }, []);
  return isTime ? <>{children()}</> : <div class="later" />;
}
