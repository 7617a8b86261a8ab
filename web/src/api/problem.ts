// Problem documents (RFC 9457) of the API as errors.
import type { FieldProblem } from "./types.ts";

/** An answer that is no success, or no answer at all (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly fields: FieldProblem[],
    readonly code: string | null,
    readonly retryAfterS: number | null,
  ) {
    super(detail || title);
    this.name = "ApiError";
  }

  get isLost(): boolean {
    return this.status === 0;
  }
}

interface ProblemDocument {
  title?: string;
  detail?: string;
  code?: string;
  type?: string;
  errors?: FieldProblem[];
}

/** Return the error of a problem document. */
export function errorOf(status: number, document: ProblemDocument, retryAfter: string | null): ApiError {
  const seconds = retryAfter === null ? Number.NaN : Number(retryAfter);
  return new ApiError(
    status,
    document.title ?? "",
    document.detail ?? "",
    document.errors ?? [],
    document.code ?? document.type?.split(":").pop() ?? null,
    Number.isFinite(seconds) ? seconds : null,
  );
}

/** Return the problems of a path and of what is below it. */
export function problemsAt(fields: FieldProblem[], path: string): FieldProblem[] {
  return fields.filter((each) => each.path === path || each.path.startsWith(`${path}.`) || each.path.startsWith(`${path}[`));
}
