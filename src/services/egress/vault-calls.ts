import { assertInteger, assertText, type CallOptions, checkOptions } from "../../arguments.js";
import { notSupported } from "../../capabilities.js";
import type { components, EgressClient } from "../../../generated/egress.js";
import { SandboxApiException, type SdkErrorCode } from "../../errors.js";
import { defined } from "../../transport/request.js";
import { deleteOnce } from "../../transport/retry.js";
import {
  expectRecord,
  expectRecords,
  expectText,
  unexpectedResponse,
  type ResponseInfo,
} from "../../transport/response.js";
import type { JsonOptions } from "../../transport/transport.js";
import type { SandboxLink } from "../link.js";
import { askSidecar, findSidecar, type CallFetch } from "./sidecar.js";
import {
  toBindings,
  toCredentials,
  toNames,
  type Credential,
  type CredentialBinding,
  type CredentialMatch,
} from "./vault-arguments.js";

/** What a new vault holds. */
export interface VaultContents {
  readonly credentials: readonly Credential[];
  readonly bindings: readonly CredentialBinding[];
}

/** Changes of a vault. */
export interface VaultChanges {
  /** The revision that the changes are meant for. @default any */
  readonly expectedRevision?: number | undefined;
  readonly credentials?: ChangeSet<Credential> | undefined;
  readonly bindings?: ChangeSet<CredentialBinding> | undefined;
}

/** What is added, replaced, and deleted by name. */
export interface ChangeSet<Item> {
  readonly add?: readonly Item[] | undefined;
  readonly replace?: readonly Item[] | undefined;
  readonly delete?: readonly string[] | undefined;
}

/** A credential without its value. */
export interface CredentialInfo {
  readonly name: string;
  /** Where the value came from, such as `inline`. */
  readonly sourceType: string;
  /** The vault's revision when it last changed. */
  readonly revision: number;
}

/** A binding, without credentials. */
export interface CredentialBindingInfo {
  readonly name: string;
  /** The vault's revision when it last changed. */
  readonly revision: number;
  readonly match: CredentialMatch | undefined;
  /** `name` is the header of `apiKey`. */
  readonly auth: { readonly type: string; readonly name: string | undefined } | undefined;
}

/** A vault without values. */
export interface VaultState {
  /** Grows with every change. */
  readonly revision: number;
  readonly credentials: readonly CredentialInfo[];
  readonly bindings: readonly CredentialBindingInfo[];
}

type Wire = components["schemas"];

/** What the statuses of a vault mean. */
const CODES: Readonly<Record<number, SdkErrorCode>> = {
  404: "VAULT_NOT_FOUND",
  409: "VAULT_CONFLICT",
  412: "VAULT_NOT_READY",
  426: "VAULT_NOT_ENCRYPTED",
};

/** Creates the vault. */
export async function createVault(
  link: SandboxLink,
  contents: VaultContents,
  options: CallOptions,
): Promise<VaultState> {
  const { credentials, bindings } = checkOptions(contents, "contents");
  const body = {
    credentials: toCredentials(credentials, "credentials"),
    bindings: toBindings(bindings, "bindings"),
  };
  const send = (client: EgressClient, fetch: CallFetch) => client.POST("/credential-vault", { body, fetch });
  return toState(...(await request(link, { ...checkOptions(options), redact: hiding(body) }, send)));
}

/** Returns the vault. */
export async function getVault(link: SandboxLink, options: CallOptions): Promise<VaultState> {
  const send = (client: EgressClient, fetch: CallFetch) => client.GET("/credential-vault", { fetch });
  return toState(...(await request(link, options, send)));
}

/** Changes the vault. */
export async function patchVault(
  link: SandboxLink,
  changes: VaultChanges,
  options: CallOptions,
): Promise<VaultState> {
  const { expectedRevision, credentials, bindings } = checkOptions(changes, "changes");
  assertInteger(expectedRevision, "expectedRevision");
  const body = defined({
    expectedRevision,
    credentials: toChanges(credentials, "credentials", toCredentials),
    bindings: toChanges(bindings, "bindings", toBindings),
  });
  const send = (client: EgressClient, fetch: CallFetch) => client.PATCH("/credential-vault", { body, fetch });
  return toState(...(await request(link, { ...checkOptions(options), redact: hiding(body) }, send)));
}

/** Deletes the vault. Succeeds if an earlier attempt of the same call has deleted it. */
export async function deleteVault(link: SandboxLink, options: CallOptions): Promise<void> {
  const { signal } = checkOptions(options);
  const send = (client: EgressClient, fetch: CallFetch) => client.DELETE("/credential-vault", { fetch });
  const isGone = (error: unknown) => error instanceof SandboxApiException && error.code === "VAULT_NOT_FOUND";
  await deleteOnce((onRetry) => request(link, { signal, onRetry }, send), isGone);
}

/** Returns the credentials. */
export async function listCredentials(
  link: SandboxLink,
  options: CallOptions,
): Promise<readonly CredentialInfo[]> {
  const send = (client: EgressClient, fetch: CallFetch) =>
    client.GET("/credential-vault/credentials", { fetch });
  const [data, call] = await request(link, options, send);
  return expectRecords(expectRecord(data, call).credentials, call).map((item) => toCredential(item, call));
}

/** Returns a credential. */
export async function getCredential(
  link: SandboxLink,
  name: string,
  options: CallOptions,
): Promise<CredentialInfo> {
  assertText(name, "name");
  const params = { path: { credential_name: name } };
  const [data, call] = await request(link, options, (client, fetch) =>
    client.GET("/credential-vault/credentials/{credential_name}", { params, fetch }),
  );
  return toCredential(expectRecord(data, call), call);
}

/** Returns the bindings. */
export async function listBindings(
  link: SandboxLink,
  options: CallOptions,
): Promise<readonly CredentialBindingInfo[]> {
  const send = (client: EgressClient, fetch: CallFetch) =>
    client.GET("/credential-vault/bindings", { fetch });
  const [data, call] = await request(link, options, send);
  return expectRecords(expectRecord(data, call).bindings, call).map((item) => toBinding(item, call));
}

/** Returns a binding. */
export async function getBinding(
  link: SandboxLink,
  name: string,
  options: CallOptions,
): Promise<CredentialBindingInfo> {
  assertText(name, "name");
  const params = { path: { binding_name: name } };
  const [data, call] = await request(link, options, (client, fetch) =>
    client.GET("/credential-vault/bindings/{binding_name}", { params, fetch }),
  );
  return toBinding(expectRecord(data, call), call);
}

/** Sends a request to the sidecar and returns its response. */
async function request<Data>(
  link: SandboxLink,
  options: JsonOptions,
  send: (client: EgressClient, fetch: CallFetch) => Promise<{ readonly data?: Data }>,
): Promise<[Data | undefined, ResponseInfo]> {
  const { signal, onRetry, redact } = checkOptions(options);
  const { sandboxId } = link;
  const sidecar = await findSidecar(link, signal);
  if (sidecar === undefined) {
    const reason = "a sandbox from a template has no egress sidecar";
    throw notSupported("credentialVault", { sandboxId, reason });
  }
  return await askSidecar(sidecar, { signal, onRetry, redact }, send).catch((error: unknown) => {
    throw withCode(error, sandboxId);
  });
}

/** Gives an error of the vault a code of its own; it keeps the server's message. */
function withCode(error: unknown, sandboxId: string): unknown {
  if (!(error instanceof SandboxApiException)) return error;
  const { statusCode, message, rawBody, requestId } = error;
  // The sidecar's router, not the vault.
  if (statusCode === 404 && message.includes("page not found")) {
    return notSupported("credentialVault", { sandboxId, cause: error });
  }
  const code = CODES[statusCode];
  if (code === undefined) return error;
  return new SandboxApiException({ code, message, statusCode, rawBody, requestId, sandboxId, cause: error });
}

/** The fewest characters of a value that is hidden. A shorter one is part of ordinary words. */
const LEAST_HIDDEN = 4;

/** Returns a function that hides the values of credentials in a text, also as JSON and Go write them. */
function hiding(body: {
  readonly credentials?: Wire["CredentialMutationSet"] | readonly Wire["Credential"][] | undefined;
}): (text: string) => string {
  const { credentials = [] } = body;
  const sent = "map" in credentials ? credentials : [credentials.add, credentials.replace].flat();
  const spellings = sent.flatMap((credential) => {
    if (credential === undefined) return [];
    const { value } = credential.source;
    if (value.length < LEAST_HIDDEN) return [];
    const quoted = JSON.stringify(value).slice(1, -1);
    const escaped = quoted.replaceAll(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
    return [value, quoted, escaped, encodeURIComponent(value), btoa(unescapedBytes(value))];
  });
  // The longest first: one value may be part of another.
  const ordered = [...new Set(spellings)].sort((one, other) => other.length - one.length);
  return (text) => ordered.reduce((shown, secret) => shown.replaceAll(secret, "[redacted]"), text);
}

function unescapedBytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function toChanges<Item, Sent>(
  changes: ChangeSet<Item> | undefined,
  name: string,
  convert: (items: readonly Item[], at: string) => Sent[],
) {
  if (changes === undefined) return undefined;
  const { add, replace, delete: names } = checkOptions(changes, name);
  return defined({
    add: add && convert(add, `${name}.add`),
    replace: replace && convert(replace, `${name}.replace`),
    delete: names && toNames(names, `${name}.delete`),
  });
}

function toState(data: Wire["CredentialVaultState"] | undefined, call: ResponseInfo): VaultState {
  const { revision, credentials, bindings } = expectRecord(data, call);
  return {
    revision: expectRevision(revision, call),
    credentials: expectRecords(credentials, call).map((item) => toCredential(item, call)),
    bindings: expectRecords(bindings, call).map((item) => toBinding(item, call)),
  };
}

function toCredential({ name, sourceType, revision }: Wire["CredentialMetadata"], call: ResponseInfo) {
  return {
    name: expectText(name, "name", call),
    sourceType: expectText(sourceType, "sourceType", call),
    revision: expectRevision(revision, call),
  };
}

function toBinding(
  { name, revision, match, auth }: Wire["CredentialBindingMetadata"],
  call: ResponseInfo,
): CredentialBindingInfo {
  return {
    name: expectText(name, "name", call),
    revision: expectRevision(revision, call),
    match: match ?? undefined,
    auth: auth ? { type: expectText(auth.type, "auth.type", call), name: auth.name ?? undefined } : undefined,
  };
}

function expectRevision(revision: unknown, call: ResponseInfo): number {
  if (typeof revision === "number") return revision;
  throw unexpectedResponse('The response has no "revision".', call);
}
