import { SegmentedBody, type ByteSource, type Segment } from "../../transport/segmented-body.js";

/** A file in an upload. */
export interface UploadPart {
  /** The file's metadata for the server, as JSON. */
  readonly metadata: object;
  readonly data: ByteSource;
  readonly size?: number | undefined;
  /** The file's name in error messages. */
  readonly name: string;
}

/** Encodes the body of an upload. Each file has a part with its path and permissions and a part with its content. */
export function encodeMultipart(parts: readonly UploadPart[]): SegmentedBody {
  // Random, so that the content of a file cannot contain it and end the part.
  const boundary = randomHex(16);
  const segments = parts.flatMap(({ metadata, data, size, name }, index): Segment[] => [
    {
      name,
      // The server recognizes a file's part by its file name. The real name is in the metadata, where JSON escapes
      // characters that could end a header.
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
