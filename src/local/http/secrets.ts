import { createHash, timingSafeEqual } from "node:crypto";

/** Compares in constant time. Hashing makes the lengths equal. */
export function matchesSecret(given: string | null, secret: string): boolean {
  return given !== null && timingSafeEqual(digest(given), digest(secret));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
