import path from "node:path";
import { root } from "../package/programs.js";

const installed = path.join(root, "tests/agents/node/node_modules/.bin/node");

/** This Node if it is new enough to strip types, or else the one that `npm ci --prefix tests/agents/node` installs. */
export const NODE_22 = Number.parseInt(process.versions.node) >= 24 ? process.execPath : installed;
