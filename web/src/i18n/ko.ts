// The Korean texts.
import { account } from "./ko/account.ts";
import { builder } from "./ko/builder.ts";
import { common } from "./ko/common.ts";
import { factors } from "./ko/factors.ts";
import { market } from "./ko/market.ts";
import { research } from "./ko/research.ts";
import { run } from "./ko/run.ts";
import { start } from "./ko/start.ts";
import { statistics } from "./ko/statistics.ts";
import { sweep } from "./ko/sweep.ts";

export const ko = { ...account, ...builder, ...common, ...factors, ...research, ...start, ...run, ...statistics, ...market, ...sweep };
