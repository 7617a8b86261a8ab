// A table that has only the visible rows in the page; every row has the same height.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { t } from "../i18n/index.ts";

export interface Column<Row> {
  key: string;
  title: string;
  cell: (row: Row) => ComponentChildren;
  /** Value that the column is sorted by; without it the column cannot be sorted. */
  sort?: ((row: Row) => number | string | null) | undefined;
  align?: "right" | undefined;
  /** Whether narrow screens leave the column out. */
  wide?: boolean | undefined;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** Order at first: key of a column, with `-` in front for descending. */
  order?: string | undefined;
  /** Is called with every other order. */
  onOrder?: ((order: string) => void) | undefined;
  height?: number | undefined;
  selected?: Row | null | undefined;
  onSelect?: ((row: Row) => void) | undefined;
}

const ROW_PX = 36;
const MARGIN_ROWS = 8;

/** Return rows in the order of a column; rows without a value are last in both directions. */
export function sorted<Row>(rows: readonly Row[], value: (row: Row) => number | string | null, descending: boolean): Row[] {
  const keyed = rows.map((row, at) => ({ row, at, key: value(row) }));
  const direction = descending ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return a.key === b.key ? a.at - b.at : a.key === null ? 1 : -1;
    return a.key < b.key ? -direction : a.key > b.key ? direction : a.at - b.at;
  });
  return keyed.map((each) => each.row);
}

export function VirtualTable<Row>({ label, columns, rows, order = "", onOrder, height = 460, selected, onSelect }: Props<Row>) {
  const [sort, setSort] = useState(order);
  const [top, setTop] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const reorder = (next: string) => {
    setSort(next);
    onOrder?.(next);
  };
  const by = sort.replace(/^-/, "");
  const ordered = useMemo(() => {
    const column = columns.find((each) => each.key === by);
    return column?.sort ? sorted(rows, column.sort, sort.startsWith("-")) : rows;
  }, [rows, sort, columns]);
  useEffect(() => {
    scroller.current?.scrollTo(0, 0);
  }, [rows, sort]);
  const visible = Math.ceil(height / ROW_PX) + 2 * MARGIN_ROWS;
  const first = Math.max(0, Math.min(Math.floor(top / ROW_PX) - MARGIN_ROWS, ordered.length - visible));
  const shown = ordered.slice(first, first + visible);
  const focusRow = (at: number) => {
    const target = Math.max(0, Math.min(ordered.length - 1, at));
    const box = scroller.current!;
    if (target * ROW_PX < box.scrollTop) box.scrollTop = target * ROW_PX;
    else if ((target + 2) * ROW_PX > box.scrollTop + box.clientHeight) box.scrollTop = (target + 2) * ROW_PX - box.clientHeight;
    requestAnimationFrame(() => box.querySelector<HTMLElement>(`tr[data-at="${target}"]`)?.focus());
  };
  return (
    <div
      ref={scroller}
      class="table-scroll virtual"
      role="region"
      aria-label={label}
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      // the height depends on the number of rows: a short table has no empty space below it
      style={{ maxHeight: `${height}px` }}
    >
      <table aria-rowcount={ordered.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                class={`${column.align ?? ""} ${column.wide ? "wide" : ""}`}
                aria-sort={by !== column.key ? undefined : sort.startsWith("-") ? "descending" : "ascending"}
              >
                {column.sort ? (
                  <button type="button" class="sort" title={t("table.sort")} onClick={() => reorder(sort === `-${column.key}` ? column.key : `-${column.key}`)}>
                    {column.title}
                    <span aria-hidden="true">{by !== column.key ? "" : sort.startsWith("-") ? " ↓" : " ↑"}</span>
                  </button>
                ) : column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr class="space" aria-hidden="true" style={{ height: `${first * ROW_PX}px` }}><td colSpan={columns.length} /></tr>}
          {shown.map((row, index) => (
            <tr
              key={(first + index) % visible /* a row that leaves gives its elements to one that comes */}
              data-at={first + index}
              aria-rowindex={first + index + 2}
              class={row === selected ? "selected" : undefined}
              aria-selected={onSelect ? row === selected : undefined}
              tabIndex={onSelect ? -1 : undefined}
              onClick={onSelect && (() => onSelect(row))}
              onKeyDown={onSelect && ((event) => {
                const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
                if (step !== undefined) {
                  event.preventDefault();
                  focusRow(first + index + step);
                } else if ((event.key === "Enter" || event.key === " ") && event.target === event.currentTarget) {
                  event.preventDefault();
                  onSelect(row);
                }
              })}
            >
              {columns.map((column) => <td key={column.key} class={`${column.align ?? ""} ${column.wide ? "wide" : ""}`}>{column.cell(row)}</td>)}
            </tr>
          ))}
          {first + shown.length < ordered.length && (
            <tr class="space" aria-hidden="true" style={{ height: `${(ordered.length - first - shown.length) * ROW_PX}px` }}><td colSpan={columns.length} /></tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
