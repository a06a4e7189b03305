// Runs the smoke suite in a page, with the servers in the page's address, and sends the results to where it came from.
import * as library from "opensandbox-code-interpreter";
import { smoke } from "./smoke.mjs";

const servers = JSON.parse(decodeURIComponent(location.hash.slice(1)));
await fetch("/results", { method: "POST", body: JSON.stringify(await smoke(library, servers)) });
