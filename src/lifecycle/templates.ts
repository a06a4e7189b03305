import {
  assertInteger,
  assertList,
  assertOneOf,
  assertOptionalText,
  assertStringMap,
  assertText,
  type CallOptions,
  checkOptions,
  refuse,
} from "../arguments.js";
import type { components } from "../../generated/lifecycle.js";
import { defined } from "../transport/request.js";
import { expectDate, expectRecord, expectText, type ResponseInfo } from "../transport/response.js";
import { assertLabels, toLabelQuery } from "./labels.js";
import type { Lifecycle } from "./lifecycle.js";
import { assertPageFilter, toPage, type Page, type PageFilter } from "./page.js";

/** How far a template has been built. Servers may add others; `Succeeded` and `Failed` are final. */
export type TemplatePhase = "Pending" | "Building" | "Succeeded" | "Failed" | (string & {});

/** The lifecycle server's description of a template: an image that is prepared once. */
export interface TemplateInfo {
  readonly id: string;
  readonly image: string;
  /** Where the server stores what it builds. */
  readonly publish: string;
  readonly format: string;
  readonly status: {
    readonly phase: TemplatePhase;
    /** Where the result is, once it has succeeded. */
    readonly manifestRef: string | undefined;
    /** Why it failed. */
    readonly message: string | undefined;
  };
  readonly entrypoint: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Options of `SandboxManager.createTemplate`. */
export interface CreateTemplateOptions extends CallOptions {
  /** The image to build from. */
  readonly image: string;
  /** Where the server stores what it builds, such as `s3://bucket/path`. */
  readonly publish: string;
  /** The sandboxes' limits. @default `{ cpu: "1", memory: "512Mi", disk: "2Gi" }`, set by the server */
  readonly resource?: Readonly<Record<string, string>> | undefined;
  /** The command that the sandboxes run. @default `tail -f /dev/null`, set by the server */
  readonly entrypoint?: readonly string[] | undefined;
  /** Labels for finding the template. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** When the sandbox that is being built is ready: a probe such as `tcp://127.0.0.1:44772`, or a time. */
  readonly readiness?:
    { readonly probe?: string | undefined; readonly warmupSeconds?: number | undefined } | undefined;
  /** How the result is stored. @default "overlaybd", set by the server */
  readonly format?: "native" | "overlaybd" | undefined;
}

/** Filters for a listing of templates. */
export interface TemplateFilter extends PageFilter {
  /** Templates with all of these labels. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export async function createTemplate(
  { transport }: Lifecycle,
  options: CreateTemplateOptions,
): Promise<TemplateInfo> {
  const { image, publish, resource, entrypoint, metadata, readiness, format, signal } = checkOptions(options);
  assertText(image, "image");
  assertText(publish, "publish");
  assertStringMap(resource, "resource");
  assertLabels(metadata, "metadata");
  if (entrypoint !== undefined) {
    assertList(entrypoint, "entrypoint");
    if (entrypoint.length === 0) refuse("entrypoint", "a list of at least one string", entrypoint);
    entrypoint.forEach((word, index) => assertText(word, `entrypoint[${index}]`));
  }
  if (readiness !== undefined) checkOptions(readiness, "readiness");
  assertOptionalText(readiness?.probe, "readiness.probe");
  assertInteger(readiness?.warmupSeconds, "readiness.warmupSeconds", 0);
  if (format !== undefined) assertOneOf(format, "format", ["native", "overlaybd"]);
  const call = transport.json({ signal });
  const { data } = await transport.client.POST("/templates", {
    body: defined({
      image,
      publish,
      resourceLimits: resource && { ...resource },
      entrypoint: entrypoint && [...entrypoint],
      metadata: metadata && { ...metadata },
      readiness: readiness && defined({ ...readiness }),
      format,
    }),
    fetch: call.fetch,
  });
  return toTemplateInfo(expectRecord(data, call), call);
}

export async function getTemplate(
  { transport }: Lifecycle,
  templateId: string,
  options: CallOptions,
): Promise<TemplateInfo> {
  assertText(templateId, "templateId");
  const call = transport.json(options);
  const params = { path: { templateId } };
  const { data } = await transport.client.GET("/templates/{templateId}", { params, fetch: call.fetch });
  return toTemplateInfo(expectRecord(data, call), call);
}

export async function listTemplates(
  lifecycle: Lifecycle,
  filter: TemplateFilter,
  options: CallOptions,
): Promise<Page<TemplateInfo>> {
  assertPageFilter(checkOptions(filter, "filter"));
  const { page, pageSize, metadata } = filter;
  const query = defined({ page, pageSize, metadata: toLabelQuery(metadata) });
  const { transport } = lifecycle;
  const call = transport.json(options);
  const { data } = await transport.client.GET("/templates", { params: { query }, fetch: call.fetch });
  const load = (number: number, own: CallOptions) =>
    listTemplates(lifecycle, { ...filter, page: number }, own);
  return toPage(expectRecord(data, call), (item) => toTemplateInfo(item, call), load, { call, options });
}

export async function deleteTemplate(
  { transport }: Lifecycle,
  templateId: string,
  options: CallOptions,
): Promise<void> {
  assertText(templateId, "templateId");
  const params = { path: { templateId } };
  const { fetch } = transport.json(options);
  await transport.client.DELETE("/templates/{templateId}", { params, fetch });
}

function toTemplateInfo(wire: components["schemas"]["Template"], call: ResponseInfo): TemplateInfo {
  const status = expectRecord(wire.status, call);
  return {
    id: expectText(wire.templateId, "templateId", call),
    image: expectText(wire.image, "image", call),
    publish: expectText(wire.publish, "publish", call),
    format: expectText(wire.format, "format", call),
    status: {
      phase: expectText(status.phase, "status.phase", call),
      manifestRef: status.manifestRef ?? undefined,
      message: status.message ?? undefined,
    },
    entrypoint: wire.entrypoint ?? [],
    metadata: wire.metadata ?? {},
    createdAt: expectDate(wire.createdAt, "createdAt", call),
    updatedAt: expectDate(wire.updatedAt, "updatedAt", call),
  };
}
