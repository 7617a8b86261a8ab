// The request with every default, as JSON and as commands that give the same result.
import { useState } from "preact/hooks";
import { useResource } from "../../api/resource.ts";
import { t } from "../../i18n/index.ts";
import { asPython } from "../builder/as-python.ts";
import { encoded } from "../shared/link.ts";
import type { Completed } from "./page.tsx";

/** Quote a text for a POSIX shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Return the request as a command of curl against this server. */
export function asCurl(request: unknown, origin: string): string {
  return `curl -s ${origin}/v1/backtests -H 'Content-Type: application/json' -H 'Prefer: wait=30' -d ${shellQuoted(JSON.stringify(request))}`;
}

/** Return the request as the command of Ondol, read from a file that the command writes. */
export function asCommand(request: unknown, origin: string): string {
  return `printf '%s' ${shellQuoted(JSON.stringify(request))} > request.json\nondol backtest --api ${origin} request.json`;
}

export function CopyBox({ title, text }: { title: string; text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div class="card">
      <div class="section-head">
        <h2>{title}</h2>
        <button type="button" onClick={copy}>{copied ? t("action.copied") : t("action.copy")}</button>
      </div>
      <pre tabIndex={0}><code>{text}</code></pre>
    </div>
  );
}

export function RequestTab({ run }: { run: Completed }) {
  const pinned = { ...run.request, dataset: run.dataset };
  const link = useResource(`link ${run.id}`, () => encoded({ request: pinned, digest: run.result.provenance.result_digest }));
  return (
    <div class="stack">
      <p class="muted">{t("request.lead")}</p>
      {link.data && <CopyBox title={t("share.link")} text={`${location.origin}/shared#${link.data}`} />}
      <CopyBox title="JSON" text={JSON.stringify(pinned, null, 2)} />
      <CopyBox title="Python" text={asPython(pinned as unknown as Parameters<typeof asPython>[0], location.origin)} />
      <CopyBox title="curl" text={asCurl(pinned, location.origin)} />
      <CopyBox title="ondol" text={asCommand(pinned, location.origin)} />
    </div>
  );
}
