import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/** Imports point down: facade → services → execution → transport → errors and generated. */
const layer = (files, forbidden, why) => ({
  files,
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: [{ group: forbidden, message: why, allowTypeImports: false }] },
    ],
  },
});
const FACADE = [
  "**/sandbox.js",
  "**/sandbox-manager.js",
  "**/code-interpreter.js",
  "**/index.js",
];

export default tseslint.config(
  { ignores: ["dist/", "generated/", "coverage/", "node_modules/", "tests/package/consumers/"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "import-x": importX },
    rules: {
      "import-x/no-cycle": "error",
      "import-x/no-self-import": "error",
      "no-console": "error",
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  layer(["src/errors.ts"], ["**/transport/*", "**/services/*", ...FACADE], "errors is the lowest layer"),
  layer(
    ["src/transport/**"],
    ["**/services/*", "**/execution/run.js", "**/execution/execution.js", "**/local/**", ...FACADE],
    "transport sees errors and generated types only",
  ),
  layer(["src/execution/**"], ["**/services/*", "**/local/**", ...FACADE], "execution stands on transport"),
  layer(["src/services/**"], ["**/local/**", ...FACADE], "services stand on execution and transport"),
  layer(
    ["src/*.ts"],
    ["**/local/**"],
    "the main entry must not pull in the local server",
  ),
  layer(
    ["src/local/**"],
    ["**/services/*", "**/transport/client.js", "../sandbox.js", "../sandbox-manager.js", "../code-interpreter.js", "../index.js"],
    "local sees generated types, the event codec and errors, never the facade",
  ),
  {
    files: ["**/*.js", "**/*.mjs"],
    extends: [tseslint.configs.disableTypeChecked],
  },
  {
    files: ["scripts/**", "examples/**", "src/local/cli.ts", "tests/**"],
    rules: { "no-console": "off" },
  },
);
