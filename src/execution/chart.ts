import { isRecord, parseJson } from "../json.js";

/** The MIME type of {@link Chart} in the formats of a result. */
export const CHART_MIME_TYPE = "application/vnd.opensandbox.chart.v1+json";

/** A number, a date in ISO 8601, or the name of a category; `null` for what is missing, not a number or infinite. */
export type ChartValue = number | string | null;

/** An axis of a chart. */
export interface ChartAxis {
  /** As written beside the axis, with the unit. */
  readonly label?: string;
  /** What the label has in brackets at its end: `s` of `Time (s)`. */
  readonly unit?: string;
  /**
   * `linear`, `log`, `datetime` or `category`, or another name that matplotlib has for a scale, such as `symlog`. Dates
   * are those of the data; if these have a time zone, they are in UTC.
   */
  readonly scale: string;
  /** Where the ticks are. Empty if the library chooses them only where it draws, as plotly does. */
  readonly ticks: readonly ChartValue[];
  /** The texts of the ticks. */
  readonly tickLabels: readonly string[];
  /** Whether ticks are left out. */
  readonly truncated?: true;
}

/** Points that belong together. */
export interface ChartSeries {
  /** As in the legend. */
  readonly name?: string;
  readonly points: readonly (readonly [x: ChartValue, y: ChartValue])[];
  /** Whether points at the end are left out. */
  readonly truncated?: true;
}

/** Bars that belong together. */
export interface ChartBars {
  /** As in the legend. */
  readonly name?: string;
  /** Each bar with the place where it stands and its length. */
  readonly bars: readonly { readonly label: ChartValue; readonly value: number | null }[];
  /** Whether bars at the end are left out. */
  readonly truncated?: true;
}

/** A slice of a pie. */
export interface ChartSlice {
  readonly label?: string;
  /** The part of the whole, from 0 to 1. */
  readonly fraction: number;
  /** Known of plotly, and of matplotlib from 3.11 on. */
  readonly value?: number | null;
}

/** A box with its whiskers. */
export interface ChartBox {
  readonly label: ChartValue;
  /** The end of the lower whisker. */
  readonly min: number | null;
  readonly firstQuartile: number | null;
  readonly median: number | null;
  readonly thirdQuartile: number | null;
  /** The end of the upper whisker. */
  readonly max: number | null;
  /** The values beyond the whiskers. */
  readonly outliers: readonly number[];
  /** Whether outliers are left out. */
  readonly truncated?: true;
}

/** What all charts have. */
export interface ChartBase {
  readonly title?: string;
  /** Whether something is left out because there is too much of it: points, series, slices, boxes or charts. */
  readonly truncated?: true;
}

/** What charts with two axes have. */
export interface PlaneChart extends ChartBase {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
}

/** Lines, or points without lines. */
export interface PointChart extends PlaneChart {
  readonly type: "line" | "scatter";
  readonly series: readonly ChartSeries[];
}

/** Bars, among them histograms, whose labels are the centres of the bins. */
export interface BarChart extends PlaneChart {
  readonly type: "bar";
  readonly orientation: "vertical" | "horizontal";
  readonly series: readonly ChartBars[];
}

/** A box plot. */
export interface BoxChart extends PlaneChart {
  readonly type: "box";
  readonly orientation: "vertical" | "horizontal";
  readonly boxes: readonly ChartBox[];
}

/** A pie, or a ring. */
export interface PieChart extends ChartBase {
  readonly type: "pie";
  readonly slices: readonly ChartSlice[];
}

/** A figure with several charts, or with several kinds of them on the same axes. */
export interface CompositeChart extends ChartBase {
  readonly type: "composite";
  readonly charts: readonly Exclude<Chart, CompositeChart>[];
}

/** A chart that is not described further: an image, a chart in three dimensions, axes without data. */
export interface UnknownChart extends ChartBase {
  readonly type: "unknown";
}

/**
 * What a figure shows, as data. `type` says what else there is.
 *
 * @example
 * ```ts
 * const chart = result.chart;
 * if (chart?.type === "line") for (const { name, points } of chart.series) console.log(name, points);
 * ```
 */
export type Chart = PointChart | BarChart | BoxChart | PieChart | CompositeChart | UnknownChart;

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isNumberOrNull: Check = (value) => value === null || isNumber(value);
const isValue: Check = (value) => isNumberOrNull(value) || isText(value);
const isOrientation: Check = (value) => value === "vertical" || value === "horizontal";
const orNone =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
/** What may be missing of anything. */
const COMMON = { title: orNone(isText), name: orNone(isText), truncated: orNone((value) => value === true) };
const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isRecord(value) && Object.entries({ ...COMMON, ...fields }).every(([name, check]) => check(value[name]));

const isAxis = shape({
  label: orNone(isText),
  unit: orNone(isText),
  scale: isText,
  ticks: listOf(isValue),
  tickLabels: listOf(isText),
});
const isPoint: Check = (value) => listOf(isValue)(value) && (value as readonly unknown[]).length === 2;
const plane = { x: isAxis, y: isAxis };
const points = { ...plane, series: listOf(shape({ points: listOf(isPoint) })) };
const isBar = shape({ label: isValue, value: isNumberOrNull });
const isBox = shape({
  label: isValue,
  min: isNumberOrNull,
  firstQuartile: isNumberOrNull,
  median: isNumberOrNull,
  thirdQuartile: isNumberOrNull,
  max: isNumberOrNull,
  outliers: listOf(isNumber),
});
/** What a chart of each type has besides its title. */
const FIELDS: Readonly<Record<Chart["type"], Readonly<Record<string, Check>>>> = {
  line: points,
  scatter: points,
  bar: { ...plane, orientation: isOrientation, series: listOf(shape({ bars: listOf(isBar) })) },
  box: { ...plane, orientation: isOrientation, boxes: listOf(isBox) },
  pie: {
    slices: listOf(shape({ label: orNone(isText), fraction: isNumber, value: orNone(isNumberOrNull) })),
  },
  composite: { charts: listOf((part) => isRecord(part) && part["type"] !== "composite" && isChart(part)) },
  unknown: {},
};

/** Returns the chart that a server sent, which may be anything; `undefined` if this version does not know such a chart. */
export function readChart(data: unknown): Chart | undefined {
  const value = typeof data === "string" ? parseJson(data)?.json : data;
  return isChart(value) ? value : undefined;
}

function isChart(value: unknown): value is Chart {
  if (!isRecord(value)) return false;
  const type = String(value["type"]);
  return Object.hasOwn(FIELDS, type) && shape(FIELDS[type as Chart["type"]])(value);
}
