import { assertInteger, type CallOptions } from "../arguments.js";
import type { components } from "../../generated/lifecycle.js";
import { InvalidArgumentException, SandboxException } from "../errors.js";
import { expectRecords, unexpectedResponse, type ResponseInfo } from "../transport/response.js";

const LARGEST_PAGE = 200;

/** Options for listings in pages. */
export interface PageFilter {
  /** The page's number, starting at 1. @default 1 */
  readonly page?: number | undefined;
  /** The number of items per page, from 1 to 200. @default 20, set by the server */
  readonly pageSize?: number | undefined;
}

/** The position of a page in its listing. */
export interface Pagination {
  readonly page: number;
  readonly pageSize: number;
  readonly totalItems: number;
  readonly totalPages: number;
  readonly hasNextPage: boolean;
}

/** Gets another page of the same listing. */
type PageLoader<Item extends { readonly id: string }> = (
  page: number,
  options: CallOptions,
) => Promise<Page<Item>>;

/**
 * A page of a listing, with the newest item first. Iterating over it yields its items and those of all later pages.
 *
 * @example
 * ```ts
 * for await (const { id } of await manager.listSandboxInfos({ states: ["Running"] })) console.log(id);
 * ```
 */
export class Page<Item extends { readonly id: string }> implements AsyncIterable<Item> {
  /** The items of this page. */
  readonly items: readonly Item[];
  readonly pagination: Pagination;
  readonly #load: PageLoader<Item>;
  readonly #options: CallOptions;

  /** @internal */
  constructor(items: readonly Item[], pagination: Pagination, load: PageLoader<Item>, options: CallOptions) {
    this.items = items;
    this.pagination = pagination;
    this.#load = load;
    this.#options = options;
  }

  /** Returns the next page; `undefined` after the last one. */
  async nextPage(options: CallOptions = {}): Promise<Page<Item> | undefined> {
    const { page, hasNextPage } = this.pagination;
    return hasNextPage ? await this.#load(page + 1, options) : undefined;
  }

  /**
   * Iterates over the items of this page and of all later pages. If items are removed meanwhile, the remaining ones move to
   * earlier pages; these are read again, so that each remaining item is returned exactly once.
   *
   * The `signal` that was passed to the listing ends the iteration, too.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    const first = this.pagination.page;
    const seen = new Set<string>();
    let current: Pick<Page<Item>, "items" | "pagination"> = {
      items: this.items,
      pagination: this.pagination,
    };
    for (;;) {
      for (const item of current.items) {
        if (seen.has(item.id)) continue;
        seen.add(item.id);
        yield item;
      }
      const { page, pageSize, totalItems, hasNextPage } = current.pagination;
      if (!hasNextPage) return;
      const next = await this.#load(page + 1, this.#options);
      if (next.pagination.page <= page) {
        const message = `Expected page ${page + 1} of the listing; the server sent page ${next.pagination.page}.`;
        throw new SandboxException({ code: "UNEXPECTED_RESPONSE", message });
      }
      const removed = totalItems - next.pagination.totalItems;
      const back = removed <= 0 ? 0 : Math.ceil(removed / pageSize);
      current = back === 0 ? next : await this.#load(Math.max(first, page + 1 - back), this.#options);
    }
  }
}

/** Asserts that the page, its size and the states are valid. */
export function assertPageFilter({
  page,
  pageSize,
  states,
}: PageFilter & { readonly states?: unknown }): void {
  assertInteger(page, "page", 1);
  assertInteger(pageSize, "pageSize", 1, LARGEST_PAGE);
  if (states === undefined) return;
  // An empty list would be sent as no filter, and the server would list everything.
  const isList = Array.isArray(states) && states.length > 0;
  if (!isList || states.some((state) => typeof state !== "string" || state.trim() === "")) {
    throw new InvalidArgumentException("states must be a list of at least one name.");
  }
}

/** Converts the server's page. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function toPage<Wire, Item extends { readonly id: string }>(
  wire: {
    readonly items?: readonly Wire[];
    readonly pagination?: Partial<components["schemas"]["PaginationInfo"]>;
  },
  toItem: (item: Wire) => Item,
  load: PageLoader<Item>,
  { call, options }: { readonly call: ResponseInfo; readonly options: CallOptions },
): Page<Item> {
  const { items, pagination } = wire;
  if (!Array.isArray(items)) throw unexpectedResponse('The response has no "items".', call);
  const { page = 1, pageSize = items.length || 1, totalItems = items.length } = pagination ?? {};
  const { totalPages = Math.ceil(totalItems / pageSize), hasNextPage = page < totalPages } = pagination ?? {};
  const where = { page, pageSize, totalItems, totalPages, hasNextPage };
  return new Page(expectRecords(items, call).map(toItem), where, load, options);
}
