import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { CHART_MIME_TYPE, CodeInterpreter, type Chart, type ExecutionResult } from "../../src/index.js";
import { pythonChartsSetup, startLocalServer, type LocalServer } from "../../src/local/index.js";
import { describeIf, hasPython, isolationWorks, pythonModules } from "../helpers/skips.js";

const modules = pythonModules("IPython", "matplotlib", "matplotlib_inline", "plotly", "pandas");
const NEEDED = "Python cannot import all of IPython, matplotlib, plotly and pandas (pip install them)";
const IMPORTS = `import datetime, warnings, numpy as np, matplotlib, matplotlib.pyplot as plt, pandas as pd
import plotly.graph_objects as go, plotly.express as px`;

for (const pythonShell of ["plain", "auto"] as const) {
  describeIf(
    hasPython && modules.size === 5,
    `local/charts: ${pythonShell}`,
    NEEDED,
  )(pythonShell === "plain" ? "the standard library's kernel" : "IPython's kernel", () => {
    let server: LocalServer;
    let interpreter: CodeInterpreter;
    beforeAll(async () => {
      server = await startLocalServer({
        port: false,
        pythonShell,
        isolation: isolationWorks ? "auto" : "none",
      });
      interpreter = await CodeInterpreter.launch({ connectionConfig: server.connectionConfig });
      await interpreter.codes.run(IMPORTS);
    });
    afterAll(async () => {
      await interpreter[Symbol.asyncDispose]();
      await server.close();
    });

    const results = async (code: string): Promise<readonly ExecutionResult[]> => {
      const { error, logs, results: shown } = await interpreter.codes.run(code);
      expect({ error, stderr: logs.stderr }).toEqual({ error: undefined, stderr: [] });
      return shown;
    };
    /** The chart of a figure with one pair of axes, `a`, which has its picture too. */
    const draw = async (code: string, subplots = ""): Promise<Chart | undefined> => {
      const shown = await results(`f, a = plt.subplots(${subplots})\n${code}\nplt.show()`);
      expect(shown).toHaveLength(1);
      expect(shown[0]?.png?.length).toBeGreaterThan(1000);
      return shown[0]?.chart;
    };
    const plotly = async (code: string): Promise<Chart | undefined> => (await results(code)).at(-1)?.chart;

    test("lines, with what is not a number, units and a title", async () => {
      const chart = await draw(`a.plot([1, 2, 3], [1.5, np.nan, np.inf], label="one")
a.plot(np.ma.masked_array([1, 2], [False, True]), np.array([3, 4], dtype="float32"), label="two")
a.axhline(2)
a.set(title="Growth", xlabel="Time (s)", ylabel="Height [cm]")
a.set_xticks([1, 2, 3])`);
      expect(chart).toEqual({
        type: "line",
        title: "Growth",
        x: { label: "Time (s)", unit: "s", scale: "linear", ticks: [1, 2, 3], tickLabels: ["1", "2", "3"] },
        y: expect.objectContaining({ label: "Height [cm]", unit: "cm", scale: "linear" }),
        series: [
          { name: "one", points: [[1, 1.5], [2, null], [3, null]] }, // prettier-ignore
          { name: "two", points: [[1, 3], [null, 4]] }, // prettier-ignore
        ],
      });
    });

    test("points, dates and a logarithmic axis", async () => {
      const chart = await draw(`a.scatter([datetime.datetime(2026, 1, d, 12) for d in (1, 2)], [1, 100])
a.set_yscale("log")`);
      expect(chart).toMatchObject({
        type: "scatter",
        x: { scale: "datetime", ticks: expect.arrayContaining(["2026-01-02T00:00:00"]) },
        y: { scale: "log", ticks: [1, 10, 100], tickLabels: ["10^0", "10^1", "10^2"] },
        series: [{ points: [["2026-01-01T12:00:00", 1], ["2026-01-02T12:00:00", 100]] }], // prettier-ignore
      });
    });

    test("bars of categories, in groups, horizontal, and those of a histogram", async () => {
      const group = (name: string, values: readonly number[]) => ({
        name,
        bars: values.map((value, index) => ({ label: ["p", "q"][index], value })),
      });
      const categories = await draw(`a.bar(["p", "q"], [1, -2], label="n")`);
      expect(categories).toMatchObject({
        type: "bar",
        orientation: "vertical",
        x: { scale: "category", ticks: ["p", "q"], tickLabels: ["p", "q"] },
        series: [group("n", [1, -2])],
      });
      const groups = await draw(`x = np.arange(2)
a.bar(x - 0.2, [1, 2], 0.4, label="A")
a.bar(x + 0.2, [3, 4], 0.4, label="B")
a.set_xticks(x, ["p", "q"])`);
      expect(groups).toMatchObject({ type: "bar", series: [group("A", [1, 2]), group("B", [3, 4])] });
      const frame = await draw(`pd.DataFrame({"A": [1, 2]}, index=["p", "q"]).plot.barh(ax=a)`);
      expect(frame).toMatchObject({ orientation: "horizontal", series: [group("A", [1, 2])] });
      const histogram = await draw("a.hist([0, 1, 1, 4], bins=2)");
      expect(histogram).toMatchObject({
        series: [{ bars: [{ label: 1, value: 3 }, { label: 3, value: 1 }] }], // prettier-ignore
      });
    });

    test("pies, with labels of their own or of a legend", async () => {
      const slices = [{ label: "x", fraction: 0.25 }, { label: "y", fraction: 0.75 }]; // prettier-ignore
      expect(await draw(`a.pie([1, 3], labels=["x", "y"], autopct="%d")`)).toEqual({ type: "pie", slices });
      expect(await draw(`a.pie([1, 3]); a.legend(["x", "y"])`)).toEqual({ type: "pie", slices });
    });

    test.each([
      ["", "vertical"],
      [", vert=False, patch_artist=True, notch=True, showmeans=True", "horizontal"],
    ])("box plots%s", async (options, orientation) => {
      const chart = await draw(`warnings.simplefilter("ignore") # Newer versions prefer "orientation".
a.boxplot([[1, 2, 3, 4, 20], [2, 3, 4, 5]]${options})
(a.set_xticklabels if ${options === "" ? "True" : "False"} else a.set_yticklabels)(["g", "h"])`);
      expect(chart).toMatchObject({
        type: "box",
        orientation,
        boxes: [
          { label: "g", min: 1, firstQuartile: 2, median: 3, thirdQuartile: 4, max: 4, outliers: [20] },
          { label: "h", min: 2, firstQuartile: 2.75, median: 3.5, thirdQuartile: 4.25, max: 5, outliers: [] },
        ],
      });
    });

    test("several axes and several kinds on the same axes are a composite chart", async () => {
      const chart = await draw(
        `a[0].plot([1, 2]); a[0].plot([1, 2], "o"); a[0].set_title("left")
a[1].imshow(np.eye(2)); f.colorbar(a[1].images[0]); f.suptitle("both")`,
        "ncols=2",
      );
      expect(chart).toMatchObject({
        type: "composite",
        title: "both",
        charts: [{ type: "scatter", title: "left" }, { type: "line", title: "left" }, { type: "unknown" }],
      });
      expect(chart?.type === "composite" && chart.charts).toHaveLength(3);
    });

    test("time series of pandas have dates", async () => {
      const chart = await draw(`pd.Series([1, 2], index=pd.date_range("2026-01-01", periods=2)).plot(ax=a)`);
      expect(chart).toMatchObject({
        x: { scale: "datetime" },
        series: [{ points: [["2026-01-01T00:00:00", 1], ["2026-01-02T00:00:00", 2]] }], // prettier-ignore
      });
    });

    test.each([
      ["an image", "a.imshow(np.eye(3))", ""],
      ["three dimensions", "a.plot([1], [1], [1])", "subplot_kw={'projection': '3d'}"],
      ["empty axes", "a.set_title('')", ""],
      ["contours", "a.contour(np.arange(9).reshape(3, 3))", ""],
    ])("%s is a chart of an unknown type", async (_what, code, subplots) => {
      expect(await draw(code, subplots)).toEqual({ type: "unknown" });
    });

    test("a figure without axes has no chart, and no picture in IPython", async () => {
      const [shown] = await results("plt.figure(); plt.show()");
      expect(shown?.text).toMatch(/^<Figure size .* with 0 Axes>$/);
      expect({ chart: shown?.chart, hasPicture: shown?.png !== undefined }).toEqual({
        chart: undefined,
        hasPicture: pythonShell === "plain",
      });
    });

    test("what is large is cut, and marked so", async () => {
      const big = await draw(`for each in range(7): a.plot(np.arange(100_000))`);
      if (big?.type !== "line") throw new Error(JSON.stringify(big).slice(0, 500));
      expect(big.truncated).toBe(true);
      expect(big.series.map(({ points }) => points.length)).toEqual([2000, 2000, 2000, 2000, 2000, 0, 0]);
      expect(big.series.every(({ truncated }) => truncated)).toBe(true);
      const many = await draw(`a.bar([str(n) for n in range(300)], range(300))`);
      expect(many).toMatchObject({ x: { truncated: true, ticks: { length: 100 } } });
    });

    test("a figure that cannot be described keeps its picture", async () => {
      expect(await draw("a.plot([1, 2])\na.get_title = None")).toBeUndefined();
    });

    test("several figures of a run, and a figure as the last value", async () => {
      const figures = await results("for n in (1, 2): plt.figure(); plt.bar(['a'], [n])\nplt.show()");
      expect(figures.map(({ chart }) => chart)).toMatchObject(
        [1, 2].map((value) => ({ type: "bar", series: [{ bars: [{ label: "a", value }] }] })),
      );
      const last = await results("f, a = plt.subplots()\na.pie([1])\nf");
      expect(last[0]?.chart).toMatchObject({ type: "pie" });
      expect(await results("1")).toMatchObject([{ chart: undefined }]);
    });

    test("plotly's lines, points and bars, also as arrays", async () => {
      expect(
        await plotly(`go.Figure(go.Scatter(x=np.arange(3) * 1000, y=[1, None, 3], name="n")).update_layout(
    title="T", xaxis_title="X (s)")`),
      ).toMatchObject({
        type: "line",
        title: "T",
        x: { label: "X (s)", unit: "s", scale: "linear" },
        series: [{ name: "n", points: [[0, 1], [1000, null], [2000, 3]] }], // prettier-ignore
      });
      expect(
        await plotly(`px.bar(pd.DataFrame({"c": ["a", "b"], "v": [1, 2.5]}), x="v", y="c", orientation="h")`),
      ).toMatchObject({
        type: "bar",
        orientation: "horizontal",
        y: { label: "c", scale: "category" },
        series: [{ bars: [{ label: "a", value: 1 }, { label: "b", value: 2.5 }] }], // prettier-ignore
      });
      expect(
        await plotly(
          `px.scatter(x=pd.date_range("2026-01-01", periods=100_000, freq="s"), y=np.arange(100_000))`,
        ),
      ).toMatchObject({
        type: "scatter",
        truncated: true,
        x: { scale: "datetime" },
        series: [{ truncated: true, points: { length: 2000, 1: ["2026-01-01T00:00:01", 1] } }],
      });
    });

    test("plotly's pies, boxes, subplots and what is unknown", async () => {
      expect(await plotly(`px.pie(values=[1, 3], names=["a", "b"])`)).toMatchObject({
        type: "pie",
        slices: [{ label: "a", fraction: 0.25, value: 1 }, { label: "b", fraction: 0.75, value: 3 }], // prettier-ignore
      });
      expect(await plotly("go.Figure(go.Box(y=[1, 2, 3, 4, 30], name='g'))")).toMatchObject({
        type: "box",
        orientation: "vertical",
        boxes: [{ label: "g", min: 1, firstQuartile: 1.75, median: 3, max: 4, outliers: [30] }],
      });
      expect(
        await plotly(`from plotly.subplots import make_subplots
f = make_subplots(1, 2)
f.add_bar(x=["a"], y=[1], row=1, col=1)
f.add_scatter(x=[1], y=[2], row=1, col=2)`),
      ).toMatchObject({ type: "composite", charts: [{ type: "bar" }, { type: "line" }] });
      expect(await plotly("go.Figure(go.Surface(z=[[1, 2]]))")).toEqual({ type: "unknown" });
    });
  });
}

/** An IPython shell as a real kernel has one, which prints what it displays. */
const SHELL = `import json, os, sys
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
def tell(kind, data):
    sys.__stdout__.write(json.dumps([kind, {m: v if m == "${CHART_MIME_TYPE}" else True for m, v in data.items()}]) + "\\n")
class Hook(DisplayHook):
    def write_output_prompt(self): pass
    def write_format_data(self, data, metadata=None): tell("result", data)
class Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, **options): tell("display", data)
shell = InteractiveShell.instance(displayhook_class=Hook, display_pub_class=Publisher)
for code in json.load(sys.stdin): shell.run_cell(code).raise_error()
`;

describeIf(
  hasPython && modules.size === 5,
  "local/charts: setup",
  NEEDED,
)("pythonChartsSetup", () => {
  test("makes the shell of a real kernel send charts, and defines nothing", () => {
    const codes = [
      "before = {*globals()}",
      pythonChartsSetup(),
      pythonChartsSetup(),
      "assert {*globals()} - before <= {'before', '_', '__', '___'} or {n for n in {*globals()} - before if n[0] != '_'} == {'before'}",
      `${IMPORTS}\nimport plotly.io\nplotly.io.renderers.default = "plotly_mimetype"`,
      "plt.plot([1, 2]); plt.show()",
      "f, a = plt.subplots(); a.pie([1]); plt.close(f); f",
      "go.Figure(go.Bar(x=['a'], y=[1]))",
    ];
    const { stdout, stderr, status } = spawnSync("python3", ["-s", "-c", SHELL], {
      input: JSON.stringify(codes),
      encoding: "utf8",
    });
    expect({ stderr, status }).toMatchObject({ status: 0 });
    const shown = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as [string, Record<string, unknown>]);
    expect(shown.map(([kind, data]) => [kind, (data[CHART_MIME_TYPE] as Chart | undefined)?.type])).toEqual([
      ["display", "line"],
      ["result", "pie"],
      ["result", "bar"],
    ]);
    expect(shown[0]?.[1]).toMatchObject({ "image/png": true, "text/plain": true });
    expect(shown[2]?.[1]).toMatchObject({ "application/vnd.plotly.v1+json": true, "text/plain": true });
  });
});
