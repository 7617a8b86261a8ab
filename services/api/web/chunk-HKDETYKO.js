function t(e){return e.request}export{t as a};
