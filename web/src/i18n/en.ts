// The English texts; their types require every key of the Korean ones.
import { account } from "./en/account.ts";
import { builder } from "./en/builder.ts";
import { common } from "./en/common.ts";
import { factors } from "./en/factors.ts";
import { market } from "./en/market.ts";
import { research } from "./en/research.ts";
import { run } from "./en/run.ts";
import { start } from "./en/start.ts";
import { statistics } from "./en/statistics.ts";
import { sweep } from "./en/sweep.ts";

export const en = { ...account, ...builder, ...common, ...factors, ...research, ...start, ...run, ...statistics, ...market, ...sweep };
