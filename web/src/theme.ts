// Runs before the first paint: the reader's choice of theme, colours of up and down, and language, whose texts it requests.
const choice = (name: string): string | null => {
  try {
    return localStorage.getItem(`ondol.${name}`);
  } catch {
    return null; // storage is blocked: the defaults hold
  }
};
const head = document.documentElement;
const theme = choice("theme");
if (theme === "light" || theme === "dark") head.dataset["theme"] = theme;
const colours = choice("colours");
if (colours) head.dataset["colours"] = colours;
const language = choice("language") ?? (navigator.language.startsWith("ko") ? "ko" : "en");
head.lang = language === "en" ? "en" : "ko";
const texts = document.createElement("link"); // the texts are loaded beside the application, not after it
texts.rel = "modulepreload";
texts.href = new URL(`${head.lang}.js`, (document.currentScript as HTMLScriptElement).src).href;
document.head.append(texts);
