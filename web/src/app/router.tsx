// The address is the state: screens read it, links and `navigate` change it.
import { computed, signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";

interface Place {
  path: string;
  query: URLSearchParams;
  hash: string;
  /** What the history keeps beside the address; a link, and an address that is typed, have none. */
  state: unknown;
}

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash, state: history.state };
}

export const place = signal<Place>(here());
export const path = computed(() => place.value.path);

addEventListener("popstate", () => {
  place.value = here();
});

/** Go to an address of the application. `state` stays in the history beside a new address; a replaced address keeps its own. */
export function navigate(target: string, { replace = false, state = null }: { replace?: boolean; state?: unknown } = {}): void {
  if (replace) history.replaceState(history.state, "", target);
  else history.pushState(state, "", target);
  const before = place.value.path;
  place.value = here();
  if (!replace && before !== place.value.path) {
    scrollTo(0, 0);
    document.getElementById("main")?.focus({ preventScroll: true });
  }
}

/** Change parameters of the address; null removes one. */
export function setQuery(changes: Record<string, string | null>, options: { replace?: boolean; state?: unknown } = {}): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  navigate(location.pathname + (text ? `?${text}` : "") + location.hash, { replace: true, ...options });
}

/** Return a parameter of the address. */
export function queryValue(name: string): string | null {
  return place.value.query.get(name);
}

interface LinkProps extends Omit<JSX.AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  href: string;
  children?: ComponentChildren;
}

/** A link within the application; with a modifier key the browser follows it as usual. */
export function Link({ href, children, ...rest }: LinkProps) {
  return (
    <a
      {...rest}
      href={href}
      onClick={(event: MouseEvent) => {
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(href);
      }}
    >
      {children}
    </a>
  );
}
