import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { lowerPriority, sendSignal } from "../../box/processes.js";
import { cacheDirectory } from "../../host/assets.js";
import type { Runtime } from "../runtime.js";
import { COMPLETE } from "./toolchain.js";

// The packages that snippets commonly import. Others are compiled in the sandbox when they are needed.
const PACKAGES = [
  ...["archive/zip", "bufio", "bytes", "cmp", "compress/gzip", "container/heap", "container/list", "context"],
  ...["crypto/hmac", "crypto/md5", "crypto/rand", "crypto/sha1", "crypto/sha256", "crypto/sha512"],
  ...["encoding/base64", "encoding/binary", "encoding/csv", "encoding/gob", "encoding/hex", "encoding/json"],
  ...["encoding/xml", "errors", "flag", "fmt", "hash/fnv", "html/template", "io", "log", "maps", "math"],
  ...[
    "math/big",
    "math/bits",
    "math/cmplx",
    "math/rand",
    "math/rand/v2",
    "net/http",
    "net/url",
    "os",
    "os/exec",
  ],
  ...[
    "os/signal",
    "path/filepath",
    "reflect",
    "regexp",
    "runtime/debug",
    "slices",
    "sort",
    "strconv",
    "strings",
  ],
  ...["sync", "sync/atomic", "testing", "text/tabwriter", "text/template", "time", "unicode", "unicode/utf8"],
];

/**
 * Returns the directory of the compiled standard library, which all sandboxes share read-only. If each sandbox compiled
 * its own, a first "hello" would take eight seconds.
 */
export function goCacheDirectory(version: string): string {
  return cacheDirectory(`go-build-${version}`);
}

/**
 * Starts to fill that directory in the background with low priority, unless it is complete already.
 *
 * @param temporary - the directory for files that the compiler leaves behind if it is stopped
 * @returns a function that stops it; the next call continues from there
 */
export function warmGoCache(go: Runtime, temporary: string): () => void {
  const directory = goCacheDirectory(go.version);
  let child: ChildProcess | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    if (existsSync(path.join(directory, COMPLETE))) return () => undefined;
    child = compile(go.executable, directory, temporary);
  } catch {
    // The directory is not writable: each sandbox compiles what it needs.
  }
  return () => {
    // Kill the whole group, since the compilers that `go build` started would continue.
    const isRunning = child?.exitCode === null && child.signalCode === null;
    if (isRunning && child?.pid !== undefined) sendSignal(-child.pid, "SIGKILL");
  };
}

function compile(executable: string, directory: string, temporary: string): ChildProcess {
  const child = spawn(executable, ["build", ...PACKAGES], {
    cwd: directory,
    env: {
      ...process.env,
      ...GO_SETTINGS,
      GOCACHE: directory,
      GOTMPDIR: temporary,
      GOENV: "off",
      GOFLAGS: "",
      GOPROXY: "off",
    },
    stdio: "ignore",
    detached: true,
  });
  child.once("error", () => undefined);
  lowerPriority(child);
  child.once("exit", (code) => {
    if (code === 0) writeFileSync(path.join(directory, COMPLETE), "");
  });
  child.unref();
  return child;
}

/** The variables that affect how a package is compiled. Sandboxes must use the same values, or the cache does not match. */
export const GO_SETTINGS = { GOTOOLCHAIN: "local", CGO_ENABLED: "0", GO111MODULE: "" } as const;
