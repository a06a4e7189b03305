import { defineConfig, globalIgnores } from "eslint/config";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/**
 * Who may import whom inside `src/`: imports point down, facade → services → execution → transport → errors. A layer
 * sees itself and what its line names; `generated/` and packages are not of its concern. The rule looks at resolved
 * files, so that no spelling of a path gets around it.
 */
const layers = {
  "json.ts": [],
  "errors.ts": ["execution/execution.ts"],
  "logging.ts": ["errors.ts"],
  "arguments.ts": ["errors.ts", "json.ts"],
  "retry-policy.ts": ["errors.ts", "arguments.ts"],
  "network-policy.ts": ["arguments.ts"],
  "capabilities.ts": ["errors.ts"],
  transport: ["json.ts", "errors.ts", "logging.ts", "arguments.ts", "retry-policy.ts"],
  execution: ["json.ts", "transport", "errors.ts", "logging.ts", "arguments.ts"],
  lifecycle: [
    ...["transport", "errors.ts", "logging.ts"],
    ...["arguments.ts", "network-policy.ts", "capabilities.ts", "connection.ts"],
  ],
  services: [
    ...["json.ts", "execution", "transport", "errors.ts", "logging.ts"],
    ...["arguments.ts", "network-policy.ts", "capabilities.ts", "connection.ts"],
  ],
  "process-end.ts": [],
  local: ["json.ts", "execution/event.ts", "errors.ts", "arguments.ts", "process-end.ts"],
  // The public API alone, as any other user of the package; and its version.
  agents: ["index.ts", "local/index.ts", "transport/platform.ts", "process-end.ts"],
  // The public API, and helpers of the shared base.
  pool: ["index.ts", "arguments.ts", "process-end.ts", "transport/abort.ts"],
  cli: ["index.ts", "local/index.ts", "agents/index.ts", "agents/mcp/index.ts"],
};
/** The page runs in a browser: it is a user of the public API, and no part of the server. */
const PAGE = "local/playground/page";
const inServer = ["./src/local/*.ts", "./src/local/!(playground)/**", "./src/local/playground/*.ts"];
const zones = Object.entries({ ...layers, [PAGE]: ["index.ts"] }).map(([layer, below]) => ({
  target: layer === "local" ? inServer : `./src/${layer}`,
  from: "./src",
  except: [layer, ...below].map((path) => `./${path}`),
  message: `src/${layer} sees only ${below.map((path) => `src/${path}`).join(", ")}.`,
}));
const mainEntryZone = {
  target: ["./src/*.ts", "./src/!(local|cli|agents)/**"],
  from: "./src/local",
  message: "The main entry must not pull in the local server.",
};

/** What walks a tree, or follows a link that was put in the place of a file. `default` and `*` would hide them. */
const WALKING_FUNCTIONS = [
  ...["rm", "cp", "opendir", "chmod", "chown", "lchown", "utimes", "truncate"].flatMap((name) => [
    name,
    `${name}Sync`,
  ]),
  ...["copyFile", "watch", "glob"].flatMap((name) => [name, `${name}Sync`]),
  ...["promises", "default"],
];

const BARE_ERRORS = "/^(Error|TypeError|RangeError|SyntaxError|DOMException|AggregateError)$/";

export default defineConfig(
  globalIgnores([
    ...["dist/", "generated/", "coverage/", "api-docs/", "docs/"],
    ...["tests/package/consumers/", "tests/package/tools/"],
  ]),
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "import-x": importX },
    settings: {
      "import-x/parsers": { "@typescript-eslint/parser": [".ts"] },
      "import-x/extensions": [".ts", ".js", ".mjs"],
      // Sources name their siblings with the `.js` of the emitted file. Unresolved, they would pass every rule unseen.
      "import-x/resolver-next": [
        createNodeResolver({
          extensions: [".ts", ".js", ".mjs", ".json"],
          extensionAlias: { ".js": [".ts", ".js"] },
        }),
      ],
    },
    rules: {
      // What is built is not there in a fresh clone.
      "import-x/no-unresolved": [
        "error",
        { ignore: ["/dist/", "^opensandbox-code-interpreter(/|$)", "^@alibaba-group/opensandbox$"] },
      ],
      // Cycles are found by oxlint (.oxlintrc.json), which sees imports of types too.
      "import-x/no-self-import": "error",
      "import-x/no-mutable-exports": "error",
      "import-x/no-restricted-paths": [
        "error",
        { basePath: import.meta.dirname, zones: [...zones, mainEntryZone] },
      ],
      "no-console": "error",
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      // The strict preset's options, with numbers let in: the rule's own defaults would let in nearly everything.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        {
          allowNumber: true,
          allowAny: false,
          allowBoolean: false,
          allowNever: false,
          allowNullish: false,
          allowRegExp: false,
        },
      ],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
    },
  },
  {
    files: ["src/**"],
    // The supervisor, the kernels and the page are programs of their own: what they throw does not leave them.
    ignores: ["src/local/supervisor/**", "src/local/languages/**", `src/${PAGE}/**`],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector: `ThrowStatement > NewExpression[callee.name=${BARE_ERRORS}]`,
          message: "The library throws SandboxException and its subclasses only.",
        },
      ],
    },
  },
  {
    // Code in a box can exchange a directory for a link between two calls: trees.ts says what has to be done instead.
    files: ["src/local/{box,host,http,sandboxes}/**", "src/local/*.ts"],
    ignores: ["src/local/host/trees.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: ["fs", "node:fs", "fs/promises", "node:fs/promises"].map((name) => ({
            name,
            importNames: WALKING_FUNCTIONS,
            message: "The host does not walk what a box can write: use Trees of src/local/host/trees.ts.",
          })),
        },
      ],
    },
  },
  {
    files: ["src/**"],
    ignores: ["src/local/**", "src/cli/**"],
    rules: {
      "import-x/no-nodejs-modules": "error",
      // Browsers have none of these; a `globalThis.process?.…` that is typed as optional is the way.
      "no-restricted-globals": [
        "error",
        "process",
        "Buffer",
        "global",
        "setImmediate",
        "__dirname",
        "require",
      ],
    },
  },
  {
    // The program of the `bin` writes to the terminal; so do scripts, examples and tests.
    files: ["src/cli/**", "scripts/**", "examples/**", "tests/**"],
    rules: { "no-console": "off" },
  },
  {
    files: ["tests/agents/node22/**"],
    rules: {
      // The runner waits for the tests that are registered.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", name: ["describe", "test"], package: "node:test" }] },
      ],
    },
  },
  {
    files: ["**/*.js", "**/*.mjs"],
    extends: [tseslint.configs.disableTypeChecked],
  },
);
