// Entry of the web application.
import { render } from "preact";
import { filesLost, loadedFile } from "./app/files.ts";
import { Layout } from "./app/layout.tsx";
import { language, loadTexts } from "./i18n/index.ts";

const page = document.getElementById("app")!;
await loadedFile("texts", () => loadTexts(language.value).then(() => true));
if (filesLost.value) {
  // the texts themselves could not be loaded: Korean and English in one sentence
  page.textContent = "Ondol could not be loaded; reload the page. \u00b7 \ud398\uc774\uc9c0\ub97c \ub2e4\uc2dc \ubd88\ub7ec\uc624\uc2ed\uc2dc\uc624.";
} else {
  render(<Layout />, page);
}
