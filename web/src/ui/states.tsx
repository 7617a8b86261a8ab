// The states of what is loaded: loading, empty, error, and old data while new data load.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/problem.ts";
import type { Resource } from "../api/resource.ts";
import { t } from "../i18n/index.ts";
import { FieldProblems } from "./problem.tsx";

export function Loading({ text }: { text?: string }) {
  return <p class="state loading" role="status">{text ?? t("state.loading")}</p>;
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="state empty">{children}</p>;
}

/** Return the sentence of an error in the language of the page. */
export function errorText(error: ApiError): string {
  if (error.isLost) return t("error.lost");
  if (error.status === 429) return t("error.limited", { seconds: error.retryAfterS ?? 1 });
  if (error.status === 503) return error.detail ? `${t("error.unavailable")} ${error.detail}` : t("error.unavailable");
  return error.detail || error.title || t("error.unknown", { status: error.status });
}

/** An error with all its problems and a button that tries again. */
export function ErrorView({ error, retry }: { error: ApiError; retry?: (() => void) | undefined }) {
  return (
    <div class="state error" role="alert">
      <p><strong>{error.status > 0 && error.title ? error.title : t("error.title")}</strong></p>
      <p>{errorText(error)}</p>
      <FieldProblems problems={error.fields} showPath />
      {retry && <button type="button" onClick={retry}>{t("action.retry")}</button>}
    </div>
  );
}

/** Show a resource: its data, with an error or the word that newer data are loading above old data. */
export function Loaded<T>({ of, children, empty }: {
  of: Resource<T>;
  children: (data: T) => ComponentChildren;
  empty?: ((data: T) => boolean) | undefined;
}) {
  if (of.data === null) return of.error ? <ErrorView error={of.error} retry={of.reload} /> : <Loading />;
  return (
    <div class={of.loading ? "stale" : undefined} aria-busy={of.loading}>
      {of.error && <ErrorView error={of.error} retry={of.reload} />}
      {empty?.(of.data) ? <Empty>{t("state.empty")}</Empty> : children(of.data)}
    </div>
  );
}
