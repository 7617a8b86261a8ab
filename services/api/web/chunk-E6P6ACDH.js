import{a as e}from"./chunk-HKDETYKO.js";import{s as r}from"./chunk-MOTDIWKJ.js";function o(t,s){return t.name||s(t.strategy_id)||e(t).strategy.buy?.where||r("runs.own")}export{o as a};
