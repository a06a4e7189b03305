import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";
import { describeIf, hasPython, isolationWorks } from "./skips.js";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((file) => existsSync(file));
/** Without these, Chromium looks for servers of its own. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long an action on the page may take, in milliseconds. */
export const PAGE_TIMEOUT = 60_000;

/** Tests of the playground, where everything is installed that they need. */
export const describePlayground = (file: string) =>
  describeIf(
    CHROMIUM !== undefined && isolationWorks && hasPython,
    file,
    "chromium, bubblewrap or python3 is not installed (apt-get install chromium bubblewrap python3)",
  );

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM ?? "", args: ARGUMENTS });
}
