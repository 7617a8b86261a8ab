// The screens of the market's data: one file of the bundle, because they are small and share most of their code.
export { default as Factor } from "./factor/page.tsx";
export { default as FactorMatrix } from "./factor-matrix/page.tsx";
export { default as FactorReport } from "./factor-report/page.tsx";
export { default as FactorReports } from "./factor-reports/page.tsx";
export { default as Factors } from "./factors/page.tsx";
export { default as Operations } from "./ops/page.tsx";
export { default as OwnFactor } from "./own-factor/page.tsx";
export { default as OwnFactors } from "./own-factors/page.tsx";
export { default as Quality } from "./quality/page.tsx";
export { default as Screener } from "./screener/page.tsx";
export { default as Stock } from "./stock/page.tsx";
export { default as Stocks } from "./stocks/page.tsx";
