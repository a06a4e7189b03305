import { isPage } from "./platform.js";

/** The package's version; a test holds it against package.json. */
export const VERSION = "0.1.0";

/** What names the SDK to servers. */
export const USER_AGENT = isPage ? undefined : `opensandbox-code-interpreter-ts/${VERSION}`;
