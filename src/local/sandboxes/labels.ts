import { problem } from "../wire/problem.js";

const LABEL_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const RESERVED_PREFIX = "opensandbox.io/";

/**
 * Requires metadata to be valid as Kubernetes labels, as the real server does on every runtime. @throws
 * {Problem} 400
 */
export function assertLabels(metadata: Readonly<Record<string, string>>, reservedCode?: string): void {
  for (const [key, value] of Object.entries(metadata)) assertLabel(key, value, reservedCode);
}

function assertLabel(key: string, value: string, reservedCode = "SANDBOX::INVALID_METADATA_LABEL"): void {
  if (key.startsWith(RESERVED_PREFIX)) {
    throw problem(
      400,
      reservedCode,
      `Metadata key '${key}' uses the reserved prefix '${RESERVED_PREFIX}'. Keys under this prefix are managed by the system and cannot be set via metadata.`,
    );
  }
  const [name = "", prefix] = key.split("/").reverse();
  if (
    !LABEL_NAME.test(name) ||
    key.split("/").length > 2 ||
    (prefix !== undefined && !LABEL_PREFIX.test(prefix))
  ) {
    throw problem(
      400,
      "SANDBOX::INVALID_METADATA_LABEL",
      `Metadata key '${key}' is invalid: must be either a name or a DNS-subdomain prefix and name separated by /, where the name is up to 63 characters and matches [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?, and the optional prefix is a valid DNS subdomain up to 253 characters.`,
    );
  }
  if (value !== "" && !LABEL_NAME.test(value)) {
    throw problem(
      400,
      "SANDBOX::INVALID_METADATA_LABEL",
      `Metadata value '${value}' is invalid: must be 63 characters or less, start/end with an alphanumeric character, and contain only alphanumeric, '-', '_', or '.' characters.`,
    );
  }
}
