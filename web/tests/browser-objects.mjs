// The browser objects that modules read when they are loaded; unit tests have no page.
const nothing = () => undefined;
globalThis.localStorage ??= { getItem: () => null, setItem: nothing, removeItem: nothing };
globalThis.document ??= { documentElement: { dataset: {}, lang: "" } };
globalThis.location ??= { pathname: "/", search: "", hash: "", origin: "http://127.0.0.1:8000" };
globalThis.history ??= { state: null };
globalThis.matchMedia ??= () => ({ addEventListener: nothing });
globalThis.addEventListener ??= nothing;
globalThis.navigator ??= { language: "en" };
