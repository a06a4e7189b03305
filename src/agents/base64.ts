/** Encodes bytes, also in runtimes without Node's `Buffer`. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // All at once would be too many arguments.
  for (let at = 0; at < bytes.length; at += 32_768) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  }
  return btoa(binary);
}
