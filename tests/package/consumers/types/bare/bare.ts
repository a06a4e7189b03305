// Neither the DOM's types nor Node's are there. These are all that the package's declarations take for granted.
declare global {
  interface AbortSignal {
    readonly aborted: boolean;
  }
  interface RequestInit {
    readonly method?: string;
  }
  interface Response {
    readonly status: number;
  }
  interface Blob {
    readonly size: number;
  }
  interface ReadableStream<R> extends AsyncIterable<R> {
    cancel(reason?: unknown): Promise<void>;
  }
  interface WritableStream<W> {
    getWriter(): { write(chunk: W): Promise<void> };
  }
}
export {};
