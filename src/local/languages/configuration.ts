import type { BoxLaunch, BoxPlan } from "../box/isolation/isolation.js";
import type { LanguageConfiguration } from "../supervisor/configuration.js";
import type { KernelPlace } from "./language.js";
import { describeMissing, LANGUAGES, RUNTIME_NAMES, type InstalledRuntimes } from "./languages.js";
import type { SelectedRuntimes } from "./runtimes.js";

/** Returns how each language runs in a box, or why it cannot. */
export function configureLanguages(
  { installed, notices }: SelectedRuntimes,
  place: KernelPlace,
): Record<string, LanguageConfiguration> {
  return Object.fromEntries(
    RUNTIME_NAMES.flatMap((name) => {
      const found = installed[name];
      return Object.entries(LANGUAGES[name].kernels).map(([language, launch]) => [
        language,
        found === null
          ? { unavailable: describeMissing(name) }
          : { ...launch(found, place), notice: notices[name] },
      ]);
    }),
  );
}

/** Returns the variables of a box for its languages' tools, in kernels and commands alike. */
export function languageEnvironment({
  launch,
  runtimes,
  network,
}: Pick<BoxPlan, "runtimes" | "network"> & { readonly launch: BoxLaunch }): Record<string, string> {
  const place = {
    temporary: temporaryDirectory(launch),
    path: launch.env["PATH"] ?? "",
    isOffline: network === "deny" && launch.isAlone,
  };
  const variables = RUNTIME_NAMES.map((name) => runtimes[name] && LANGUAGES[name].environment?.(place));
  return Object.assign({}, ...variables) as Record<string, string>;
}

/** Returns the directory for temporary files, as seen from inside the box. */
export function temporaryDirectory({ env }: BoxLaunch): string {
  return env["TMPDIR"] ?? "/tmp";
}

/**
 * Prepares in the background what all sandboxes share.
 *
 * @returns a function that stops the preparation
 */
export function warmLanguages(installed: InstalledRuntimes, temporary: string): () => void {
  const stops = RUNTIME_NAMES.map((name) => {
    const found = installed[name];
    return found === null ? undefined : LANGUAGES[name].warm?.(found, temporary);
  });
  return () => {
    for (const stop of stops) stop?.();
  };
}
