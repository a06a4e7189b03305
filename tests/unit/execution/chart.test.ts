import { describe, expect, test } from "@jest/globals";
import { CHART_MIME_TYPE, ExecutionResult, type Chart } from "../../../src/index.js";
import { ResultLog } from "../../../src/execution/kept-values.js";

const axis = { scale: "linear", ticks: [0, 1], tickLabels: ["0", "1"] };
const CHARTS: readonly Chart[] = [
  {
    type: "line",
    title: "t",
    x: axis,
    y: axis,
    series: [
      {
        name: "a",
        points: [
          [0, null],
          ["b", 1],
        ],
      },
    ],
  },
  { type: "scatter", x: { ...axis, label: "t (s)", unit: "s" }, y: axis, series: [], truncated: true },
  { type: "bar", orientation: "vertical", x: axis, y: axis, series: [{ bars: [{ label: "a", value: 1 }] }] },
  {
    type: "box",
    orientation: "horizontal",
    x: axis,
    y: axis,
    boxes: [
      {
        label: 1,
        min: 0,
        firstQuartile: 1,
        median: null,
        thirdQuartile: 3,
        max: 4,
        outliers: [9],
        truncated: true,
      },
    ],
  },
  { type: "pie", slices: [{ label: "a", fraction: 0.5, value: null }, { fraction: 0.5 }] },
  { type: "composite", charts: [{ type: "unknown" }, { type: "pie", slices: [] }] },
  { type: "unknown" },
];

const read = (data: unknown) => new ExecutionResult({ [CHART_MIME_TYPE]: data }, 0).chart;

describe("result.chart", () => {
  test.each(CHARTS)("reads a chart of the type $type, as an object or as text", (chart) => {
    expect(read(chart)).toEqual(chart);
    expect(read(JSON.stringify(chart))).toEqual(chart);
  });

  test("is undefined without one", () => {
    expect(new ExecutionResult({ "image/png": "" }, 0).chart).toBeUndefined();
  });

  const [line, , bar, box, pie] = CHARTS;
  test.each([
    ["not an object", 5],
    ["null", null],
    ["a list", []],
    ["broken JSON", '{"type":"unknown"'],
    ["no type", {}],
    ["an unknown type", { type: "radar" }],
    ["a type that is the name of a method", { type: "toString" }],
    ["no axes", { type: "line", series: [] }],
    ["an invalid axis", { ...line, x: { scale: 1, ticks: [], tickLabels: [] } }],
    ["a number as title", { ...line, title: 5 }],
    ["an invalid mark", { ...line, truncated: 1 }],
    ["an object as series", { ...line, series: { 0: {} } }],
    ["a point with three values", { ...line, series: [{ points: [[1, 2, 3]] }] }],
    ["a point that is an object", { ...line, series: [{ points: [{ x: 1, y: 2 }] }] }],
    ["an object as name", { ...line, series: [{ name: {}, points: [] }] }],
    ["a bar without a value", { ...bar, series: [{ bars: [{ label: "a" }] }] }],
    ["an unknown orientation", { ...bar, orientation: "round" }],
    ["a box without a median", { ...box, boxes: [{ label: 1, outliers: [] }] }],
    ["a slice without a fraction", { ...pie, slices: [{ label: "a" }] }],
    ["a part of an unknown type", { type: "composite", charts: [{ type: "radar" }] }],
    ["a composite chart in another", { type: "composite", charts: [{ type: "composite", charts: [] }] }],
  ])("is undefined for %s", (_what, data) => {
    expect(read(data)).toBeUndefined();
  });

  test("yields to the picture where output is bounded", () => {
    const log = new ResultLog({ maxBytes: 20, keep: "both" });
    log.push(new ExecutionResult({ [CHART_MIME_TYPE]: { type: "unknown" }, "image/png": "0123456789" }, 0));
    expect(log.results[0]).toMatchObject({
      data: { "image/png": "0123456789" },
      omitted: { [CHART_MIME_TYPE]: 18 },
    });
  });
});
