import { fileURLToPath } from "node:url";

// The folder in which `next` is installed. Without it, Next.js looks for lock files and warns about those that it finds.
const root = fileURLToPath(new URL("../../..", import.meta.url));

export default { outputFileTracingRoot: root, turbopack: { root } };
