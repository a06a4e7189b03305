import { isUnknownRoute, notSupported, type CapabilityName } from "../../capabilities.js";
import { SandboxApiException } from "../../errors.js";

/** Says that a server cannot isolate sessions, or is too old for it. Rethrows all other errors. */
export function explainUnavailable(error: unknown, name: CapabilityName = "isolatedSessions"): never {
  const isUnavailable = error instanceof SandboxApiException && error.code === "SERVICE_UNAVAILABLE";
  if (!isUnavailable && !isUnknownRoute(error)) throw error;
  const { sandboxId, message } = error;
  throw notSupported(name, { sandboxId, reason: isUnavailable ? message : undefined, cause: error });
}

/** Like {@link explainUnavailable}, for background runs, which are newer. */
export function explainNoBackground(error: unknown): never {
  return explainUnavailable(error, "isolatedBackgroundRuns");
}
