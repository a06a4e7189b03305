import path from "node:path";
import type { Language } from "../language.js";
import { GO_SETTINGS, goCacheDirectory, warmGoCache } from "./cache.js";
import { goFinder } from "./runtime.js";

export const go: Language = {
  ...goFinder,
  label: "Go",
  program: "Go",
  version: { variable: "GO_VERSION", of: "Go" },
  requirement: { what: "Go", debian: "golang-go", fedora: "golang", macos: "go" },
  kernels: {
    go: ({ executable, version }) => ({
      command: [executable],
      env: { ...GO_SETTINGS },
      settings: {
        cache: goCacheDirectory(version),
        standardLibrary: path.join(path.dirname(executable), "../src"),
      },
    }),
  },
  environment: ({ temporary, isOffline }) => ({
    // Outside the workspace, whose files belong to the user.
    GOCACHE: path.posix.join(temporary, ".go/build"),
    GOPATH: path.posix.join(temporary, ".go/path"),
    GOENV: "off",
    GOTOOLCHAIN: "local",
    // Without a network, `go get` then fails at once instead of after a timeout.
    ...(isOffline && { GOPROXY: "off" }),
  }),
  warm: warmGoCache,
};
