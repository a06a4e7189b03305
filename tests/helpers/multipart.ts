/** A part of a multipart body. */
export interface ParsedPart {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly name: string | undefined;
  readonly filename: string | undefined;
  readonly data: Buffer;
}

/** Parses a multipart body strictly by RFC 2046. @throws {Error} if it is invalid */
export function parseMultipart(contentType: string, body: Uint8Array): ParsedPart[] {
  const boundary = /^multipart\/form-data; *boundary="?([^";]+)"?$/.exec(contentType)?.[1];
  if (boundary === undefined) throw new Error(`No boundary in ${contentType}.`);
  let rest = Buffer.from(body);
  const opening = Buffer.from(`--${boundary}`);
  if (!rest.subarray(0, opening.byteLength).equals(opening))
    throw new Error("Expected the body to begin with its boundary.");
  rest = rest.subarray(opening.byteLength);
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const parts: ParsedPart[] = [];
  for (;;) {
    if (rest.toString("latin1") === "--\r\n") return parts;
    if (rest.subarray(0, 2).toString() !== "\r\n")
      throw new Error("Expected a line break after the boundary.");
    const headEnd = rest.indexOf("\r\n\r\n");
    const end = rest.indexOf(delimiter, headEnd + 2);
    if (headEnd === -1 || end === -1) throw new Error("Expected the end of a part.");
    const lines = rest.subarray(2, headEnd).toString().split("\r\n");
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
      }),
    );
    const disposition = headers["content-disposition"] ?? "";
    parts.push({
      headers,
      name: /; name="([^"]*)"/.exec(disposition)?.[1],
      filename: /; filename="([^"]*)"/.exec(disposition)?.[1],
      data: rest.subarray(headEnd + 4, end),
    });
    rest = rest.subarray(end + delimiter.byteLength);
  }
}
