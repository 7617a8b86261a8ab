import{a as e}from"./chunk-HKDETYKO.js";import{r}from"./chunk-G77UYNKY.js";function o(t,s){return t.name||s(t.strategy_id)||e(t).strategy.buy?.where||r("runs.own")}export{o as a};
