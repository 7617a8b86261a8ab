// Entry of the web application.
import { render } from "preact";
import { Layout } from "./app/layout.tsx";

render(<Layout />, document.getElementById("app")!);
