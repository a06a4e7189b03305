/** Returns the device and the number of a file, which are the same wherever it is mounted. */
export function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}
