import { readFileSync } from "node:fs";
import path from "node:path";
import { resolveAssets } from "../../host/assets.js";

/** In the order in which they import each other. */
const MODULES = ["python_charts", "python_charts_matplotlib", "python_charts_plotly"];
const INSTALL = `import sys, types
for name, source in sources.items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
sys.modules["python_charts"].install(shell)
`;

/**
 * Returns Python code after which a context of a real server sends charts as data, as those of the local server do. Run it
 * once in each context. It defines no variables. The kernel must be IPython's, as it is in the image of the code
 * interpreter.
 *
 * @example
 * ```ts
 * await interpreter.codes.run(pythonChartsSetup());
 * const { results } = await interpreter.codes.run("figure"); // A figure as the last value.
 * console.log(results[0]?.chart);
 * ```
 *
 * @throws {SandboxException} `LOCAL_SERVER_INCOMPLETE` if the files of this package are missing
 */
export function pythonChartsSetup(): string {
  const { kernels } = resolveAssets();
  const sources = MODULES.map((name) => [name, readFileSync(path.join(kernels, `${name}.py`), "utf8")]);
  const fields = sources.map((pair) => pair.map((text) => JSON.stringify(text)).join(": "));
  // JSON's strings are Python's, too.
  return `exec(${JSON.stringify(INSTALL)}, {"sources": {${fields.join(", ")}}, "shell": get_ipython()})\n`;
}
