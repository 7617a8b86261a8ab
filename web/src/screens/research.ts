// The screens of many backtests: one file of the bundle, because they are small and share most of their code.
export { default as Account } from "./account/page.tsx";
export { default as Accounts } from "./accounts/page.tsx";
export { default as Compare } from "./compare/page.tsx";
export { default as Line } from "./line/page.tsx";
export { default as Lines } from "./lines/page.tsx";
export { default as NewSweep, NewWalkForward } from "./sweep-new/page.tsx";
export { default as Runs } from "./runs/page.tsx";
export { default as Shared } from "./shared/page.tsx";
export { default as Sweep } from "./sweep/page.tsx";
export { default as Sweeps } from "./sweeps/page.tsx";
export { default as WalkForward } from "./walk-forward/page.tsx";
export { default as WalkForwards } from "./walk-forwards/page.tsx";
