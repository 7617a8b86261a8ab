// A condition as rows: the parts that `and` joins, each a comparison where that is possible.
import type { TreeNode } from "../../api/types.ts";

export const OPERATORS = ["<", "<=", ">", ">=", "==", "!="] as const;
export type Operator = (typeof OPERATORS)[number];

/** A part of the condition: a comparison of two sides, or any other text. */
export type Row = { kind: "comparison"; left: string; operator: Operator; right: string } | { kind: "text"; text: string };

function rowOf(node: TreeNode): Row {
  const [left, right] = node.args ?? [];
  const operator = node.operators?.[0];
  if (node.op === "compare" && node.args?.length === 2 && left?.text && right?.text && OPERATORS.includes(operator as Operator)) {
    return { kind: "comparison", left: left.text, operator: operator as Operator, right: right.text };
  }
  return { kind: "text", text: node.op === "or" ? `(${node.text ?? ""})` : (node.text ?? "") };
}

/** Return the rows of a condition; null when its tree is not known. */
export function rowsOf(tree: TreeNode | null): Row[] | null {
  if (!tree) return null;
  return tree.op === "and" ? (tree.args ?? []).map(rowOf) : [rowOf(tree)];
}

/** Return the text of a row. */
export function rowText(row: Row): string {
  return row.kind === "text" ? row.text.trim() : `${row.left.trim()} ${row.operator} ${row.right.trim()}`.trim();
}

/** Whether a row says something yet. */
export function isComplete(row: Row): boolean {
  return row.kind === "text" ? row.text.trim() !== "" : row.left.trim() !== "" && row.right.trim() !== "";
}

/** Return the condition of the rows; null without a complete row. */
export function conditionOf(rows: readonly Row[]): string | null {
  const parts = rows.filter(isComplete).map(rowText);
  return parts.length > 0 ? parts.join(" and ") : null;
}
