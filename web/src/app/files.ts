// Files of a build that a newer build has replaced: the page is loaded again once, a second failure is shown.
import { signal } from "@preact/signals";

const RELOADED = "ondol.reloaded."; // with the name of the file, so that another file that arrives does not hide its failure

/** Whether a file could not be loaded even after the page was loaded again; the layout says so. */
export const filesLost = signal(false);

/** Return the module of a file of this build, or null after the page was asked to load again or the layout says so. */
export async function loadedFile<T>(name: string, load: () => Promise<T>): Promise<T | null> {
  try {
    const found = await load();
    sessionStorage.removeItem(RELOADED + name);
    filesLost.value = false;
    return found;
  } catch (error) {
    console.error(error);
    if (sessionStorage.getItem(RELOADED + name)) filesLost.value = true;
    else {
      sessionStorage.setItem(RELOADED + name, "1");
      location.reload();
    }
    return null;
  }
}
