import {
  assertList,
  assertOneOf,
  assertText,
  assertWellFormed,
  checkOptions,
  refuse,
} from "../../arguments.js";
import type { components } from "../../../generated/egress.js";
import { InvalidArgumentException } from "../../errors.js";

type Wire = components["schemas"];

/** A secret, such as a token. */
export interface Credential {
  readonly name: string;
  /**
   * The secret. For `basic`, `user:password`. Errors and logs hide it, if it has at least 4 characters: a shorter one is
   * part of ordinary words.
   */
  readonly value: string;
}

/** Replaces a placeholder in a request by a credential. */
export interface CredentialSubstitution {
  /** The credential's name. */
  readonly credential: string;
  readonly placeholder: string;
  readonly in: readonly ("path" | "query" | "header" | "body")[];
}

/** How credentials are put into a request. Credentials are given by their names. */
export type CredentialAuth = (
  | { readonly type: "bearer" | "basic"; readonly credential: string }
  | { readonly type: "apiKey"; readonly name: string; readonly credential: string }
  | {
      readonly type: "customHeaders";
      readonly headers: readonly { readonly name: string; readonly credential: string }[];
    }
  | { readonly type: "passthrough" }
) & { readonly substitutions?: readonly CredentialSubstitution[] | undefined };

/** The requests that a binding is for. */
export interface CredentialMatch {
  /** Host names, or `*.` and a domain. */
  readonly hosts: readonly string[];
  /** @default ["https"] */
  readonly schemes?: readonly ("https" | "http")[] | undefined;
  /** @default ["GET", "POST", "PUT", "PATCH", "DELETE"] */
  readonly methods?: readonly string[] | undefined;
  /** Paths, with `*` for any characters. @default ["/*"] */
  readonly paths?: readonly string[] | undefined;
}

/** Puts credentials into the requests that it matches. */
export interface CredentialBinding {
  readonly name: string;
  readonly match: CredentialMatch;
  readonly auth: CredentialAuth;
}

const AUTH_TYPES = ["bearer", "basic", "apiKey", "customHeaders", "passthrough"];
const HEADER_NAME = /^[\w!#$%&'*+\-.^`|~]+$/;

/** Checks credentials and returns them as the server takes them. Messages never show a value. */
export function toCredentials(credentials: readonly Credential[], at: string): Wire["Credential"][] {
  assertList(credentials, at);
  return credentials.map((credential, index) => {
    const place = `${at}[${index}]`;
    const { name, value } = checkOptions(credential, place);
    assertText(name, `${place}.name`);
    // A number would be shown by the usual check.
    if (typeof value !== "string" || value === "") {
      throw new InvalidArgumentException(`${place}.value must be a string that is not empty.`);
    }
    assertWellFormed(value, `${place}.value`);
    return { name, source: { type: "inline" as const, value } };
  });
}

/** Checks bindings and returns them as the server takes them. */
export function toBindings(bindings: readonly CredentialBinding[], at: string): Wire["CredentialBinding"][] {
  assertList(bindings, at);
  return bindings.map((binding, index) => {
    const place = `${at}[${index}]`;
    const { name, match, auth } = checkOptions(binding, place);
    assertText(name, `${place}.name`);
    assertMatch(match, `${place}.match`);
    assertAuth(auth, `${place}.auth`);
    // Plain JSON: read-only lists become the client's, and `undefined` is left out.
    return JSON.parse(JSON.stringify({ name, match, auth })) as Wire["CredentialBinding"];
  });
}

/** Checks a list of names and returns a copy. */
export function toNames(names: readonly string[], at: string): string[] {
  assertTexts(names, at);
  return [...names];
}

function assertMatch(match: CredentialMatch, at: string): void {
  const { hosts, schemes = [], methods = [], paths = [] } = checkOptions(match, at);
  assertTexts(hosts, `${at}.hosts`);
  if (hosts.length === 0) refuse(`${at}.hosts`, "a list of at least one host", hosts);
  assertTexts(methods, `${at}.methods`);
  assertTexts(paths, `${at}.paths`);
  assertList(schemes, `${at}.schemes`);
  for (const [index, scheme] of schemes.entries()) {
    assertOneOf(scheme, `${at}.schemes[${index}]`, ["https", "http"]);
  }
}

function assertAuth(auth: CredentialAuth, at: string): void {
  const { type, substitutions = [] } = checkOptions(auth, at);
  assertOneOf(type, `${at}.type`, AUTH_TYPES);
  if (auth.type === "customHeaders") {
    assertList(auth.headers, `${at}.headers`);
    if (auth.headers.length === 0) refuse(`${at}.headers`, "a list of at least one header", auth.headers);
    for (const [index, header] of auth.headers.entries()) assertHeader(header, `${at}.headers[${index}]`);
  } else if (auth.type === "apiKey") {
    assertHeader(auth, at);
  } else if (auth.type !== "passthrough") {
    assertName(auth.credential, `${at}.credential`);
  }
  assertList(substitutions, `${at}.substitutions`);
  for (const [index, substitution] of substitutions.entries()) {
    const place = `${at}.substitutions[${index}]`;
    assertName(checkOptions(substitution, place).credential, `${place}.credential`);
    assertText(substitution.placeholder, `${place}.placeholder`);
    assertTexts(substitution.in, `${place}.in`);
  }
}

function assertHeader(header: { readonly name: string; readonly credential: string }, at: string): void {
  const { name, credential } = checkOptions(header, at);
  assertText(name, `${at}.name`);
  if (!HEADER_NAME.test(name)) refuse(`${at}.name`, "a valid header name", name);
  assertName(credential, `${at}.credential`);
}

/** Does not show the value: in the place of the name, it may be the secret itself. */
function assertName(credential: unknown, at: string): void {
  if (typeof credential === "string" && credential.trim() !== "") return;
  throw new InvalidArgumentException(`${at} must be the name of a credential.`);
}

function assertTexts(texts: readonly string[], at: string): void {
  assertList(texts, at);
  for (const [index, text] of texts.entries()) assertText(text, `${at}[${index}]`);
}
