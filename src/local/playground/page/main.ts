import { App } from "./app.js";
import { h } from "./dom.js";
import { openSession } from "./session.js";

const root = document.querySelector("#app");
if (root === null) throw new Error("The page has no element #app.");

const connectionConfig = await openSession();
if (connectionConfig === undefined) {
  root.append(
    h(
      "main",
      { class: "closed" },
      h("h1", { text: "Open the link from your terminal" }),
      h("p", {
        text: "`osci serve --ui` prints a link that opens this page once. Start the server again to get another one.",
      }),
    ),
  );
} else {
  const app = new App(connectionConfig);
  root.append(app.element);
  await app.start();
}
