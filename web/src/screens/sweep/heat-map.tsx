// A statistic over two parameters; a cell shows its variants in the table below.
import { useRef } from "preact/hooks";
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { Heatmap, Sweep } from "../../api/types.ts";
import { queryValue, setQuery } from "../../app/router.tsx";
import { number } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { SelectField } from "../../ui/field.tsx";
import { Loaded } from "../../ui/states.tsx";
import { parameterText } from "./parameter-text.ts";
import { FORMS, formatted, isStatistic } from "../run/statistics.ts";

const REDUCTIONS = ["median", "max", "min", "count"] as const;
const MOST_CELLS = 2500;
const DEEPEST = 34; // percent of colour in the background; text keeps a contrast of 4.5:1

/** Return the depth of the colour of a value between the least and the greatest, in percent. */
export function depth(value: number, least: number, greatest: number): number {
  return greatest > least ? Math.round(((value - least) / (greatest - least)) * DEEPEST) : 0;
}

export function SweepHeatMap({ sweep, parameters }: { sweep: Sweep; parameters: readonly string[] }) {
  const x = parameters.find((each) => each === queryValue("x")) ?? parameters[0]!;
  const y = parameters.find((each) => each === queryValue("y") && each !== x) ?? parameters.find((each) => each !== x)!;
  const value = queryValue("value") ?? sweep.objective.statistic;
  const reduce = REDUCTIONS.find((each) => each === queryValue("reduce")) ?? "median";
  const query = { x, y, value, reduce };
  const map = useResource(`heat ${sweep.id} ${sweep.seen} ${JSON.stringify(query)}`, (abort) => get<Heatmap>(`/v1/sweeps/${sweep.id}/heatmap`, query, abort));
  const axis = parameters.map((each) => [each, `$${each}`] as const);
  return (
    <div class="card">
      <h2>{t("sweep.heat")}</h2>
      <p class="small muted">{t("sweep.heat.help")}</p>
      <div class="filters">
        <SelectField label={t("sweep.heat.x")} value={x} options={axis} onValue={(next) => setQuery({ x: next, y: next === y ? x : y })} />
        <SelectField label={t("sweep.heat.y")} value={y} options={axis.filter(([each]) => each !== x)} onValue={(next) => setQuery({ y: next })} />
        <SelectField label={t("sweep.heat.value")} value={value} options={Object.keys(FORMS).map((each) => [each, named("stat", each)] as const)} onValue={(next) => setQuery({ value: next })} />
        <SelectField label={t("sweep.heat.reduce")} value={reduce} options={REDUCTIONS.map((each) => [each, t(`sweep.reduce.${each}`)] as const)} onValue={(next) => setQuery({ reduce: next })} />
      </div>
      <Loaded of={map}>{(found) => found.x.values.length * found.y.values.length > MOST_CELLS ? <p class="muted">{t("sweep.heat.too-many", { n: number(MOST_CELLS) })}</p> : <Cells map={found} />}</Loaded>
    </div>
  );
}

function Cells({ map }: { map: Heatmap }) {
  const table = useRef<HTMLTableElement>(null);
  const known = map.cells.flat().filter((each): each is number => each !== null);
  const [least, greatest] = [Math.min(...known), Math.max(...known)];
  const text = (value: number) => map.reduce === "count" ? number(value) : isStatistic(map.value) ? formatted(map.value, value) : number(value, 2);
  const canFilter = [...map.x.values, ...map.y.values].every((each) => typeof each === "number");
  const show = (row: number, column: number) => {
    setQuery({ where: `$${map.x.parameter} == ${map.x.values[column]} and $${map.y.parameter} == ${map.y.values[row]}` });
    document.getElementById("variants")?.scrollIntoView({ block: "start" });
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const at = (event.target as HTMLElement).dataset["cell"]?.split(" ").map(Number);
    if (!step || !at) return;
    const next = table.current?.querySelector<HTMLElement>(`[data-cell="${at[0]! + step[0]!} ${at[1]! + step[1]!}"]`);
    event.preventDefault();
    next?.focus();
  };
  return (
    <div class="table-scroll bare" tabIndex={0} role="region" aria-label={t("sweep.heat")}>
      <table class="heat cells" ref={table} onKeyDown={move}>
        <caption class="small muted">{t("sweep.heat.caption", { value: named("stat", map.value), reduce: named("sweep.reduce", map.reduce) })}</caption>
        <thead>
          <tr>
            <th scope="col">${map.y.parameter} ↓ ${map.x.parameter} →</th>
            {map.x.values.map((each) => <th scope="col" key={String(each)}>{parameterText(each)}</th>)}
          </tr>
        </thead>
        <tbody>
          {map.cells.map((cells, row) => (
            <tr key={String(map.y.values[row])}>
              <th scope="row">{parameterText(map.y.values[row])}</th>
              {cells.map((value, column) => value === null ? <td class="muted">–</td> : (
                <td class={`level ${value === greatest ? "whole" : ""}`} style={{ "--heat": depth(value, least, greatest) }}>
                  {canFilter ? (
                    <button type="button" class="sort" data-cell={`${row} ${column}`} tabIndex={row === 0 && column === 0 ? 0 : -1} title={t("sweep.heat.show")} onClick={() => show(row, column)}>{text(value)}</button>
                  ) : text(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
