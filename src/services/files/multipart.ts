import { SegmentedBody, type ByteSource, type Segment } from "../../transport/segmented-body.js";

/** A file of an upload. */
export interface UploadPart {
  /** What the server needs to know, as JSON. */
  readonly metadata: object;
  readonly data: ByteSource;
  readonly size?: number | undefined;
  /** For messages. */
  readonly name: string;
}

/** Encodes the body of an upload: for each file a part with its path and permissions, and one with its content. */
export function encodeMultipart(parts: readonly UploadPart[]): SegmentedBody {
  // Nobody who writes a file's content can guess it, and so end the part before its end.
  const boundary = randomHex(16);
  const segments = parts.flatMap(({ metadata, data, size, name }, index): Segment[] => [
    {
      name,
      // The server takes a part for a file by its name alone. The real name is in the metadata, where JSON escapes
      // whatever could end a header.
      data:
        `${index === 0 ? "" : "\r\n"}--${boundary}\r\n` +
        'Content-Disposition: form-data; name="metadata"; filename="metadata"\r\n' +
        `Content-Type: application/json\r\n\r\n${JSON.stringify(metadata)}\r\n--${boundary}\r\n` +
        'Content-Disposition: form-data; name="file"; filename="file"\r\n' +
        "Content-Type: application/octet-stream\r\n\r\n",
    },
    { name, data, size },
  ]);
  const end: Segment = { name: "end", data: `\r\n--${boundary}--\r\n` };
  return new SegmentedBody([...segments, end], `multipart/form-data; boundary=${boundary}`);
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
