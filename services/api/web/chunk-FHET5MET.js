import{a as e}from"./chunk-HKDETYKO.js";import{d as r}from"./chunk-JLA33K4U.js";function o(t,s){return t.name||s(t.strategy_id)||e(t).strategy.buy?.where||r("runs.own")}export{o as a};
