/**
 * Reads a body as text.
 *
 * @param limit - the largest size in bytes, and the error for a larger body
 */
export async function readText(
  body: AsyncIterable<Uint8Array>,
  { bytes = Infinity, tooLarge }: { readonly bytes?: number; readonly tooLarge?: () => Error } = {},
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let left = bytes;
  for await (const chunk of body) {
    left -= chunk.byteLength;
    if (left < 0 && tooLarge !== undefined) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
