// The draft with undo and redo, stored in this browser after every change.
import { useCallback, useState } from "preact/hooks";
import { saveDraft } from "../../app/drafts.ts";
import { withValue } from "./draft.ts";
import type { Draft } from "./draft.ts";

const STEPS = 100;

interface History {
  past: Draft[];
  present: Draft;
  future: Draft[];
  /** Path of the last change: typing in one field is one step. */
  path: string | null;
}

export interface Editing {
  draft: Draft;
  /** Change the value at a path. */
  change: (path: string, value: unknown) => void;
  /** Replace the whole draft. */
  replace: (draft: Draft) => void;
  undo: (() => void) | null;
  redo: (() => void) | null;
}

/** Return the history after a change; consecutive changes of one path are one step. */
export function changed(history: History, path: string | null, present: Draft): History {
  const past = path !== null && path === history.path ? history.past : [...history.past, history.present].slice(-STEPS);
  return { past, present, future: [], path };
}

export function useDraft(name: string, first: Draft): Editing {
  const [history, setHistory] = useState<History>({ past: [], present: first, future: [], path: null });
  const apply = useCallback((next: (before: History) => History) => {
    setHistory((before) => {
      const after = next(before);
      saveDraft(name, after.present);
      return after;
    });
  }, [name]);
  const { past, present, future } = history;
  return {
    draft: present,
    change: (path, value) => apply((before) => changed(before, path, withValue(before.present, path, value))),
    replace: (draft) => apply((before) => changed(before, null, draft)),
    undo: past.length === 0 ? null : () => apply((before) => ({
      past: before.past.slice(0, -1), present: before.past.at(-1) ?? before.present, future: [before.present, ...before.future], path: null,
    })),
    redo: future.length === 0 ? null : () => apply((before) => ({
      past: [...before.past, before.present], present: before.future[0] ?? before.present, future: before.future.slice(1), path: null,
    })),
  };
}
