import { SourceMap, type SourceMapPayload } from "node:module";
import { transform } from "sucrase";

interface Place {
  /** From 0. */
  readonly line: number;
  /** From 0. */
  readonly column: number;
}

/** Maps positions in the code that runs, whose types are removed, to the code that the user sent. */
export class Places {
  readonly #maps = new Map<string, SourceMapPayload>();

  withoutTypes(code: string, cell: string): string {
    const { code: plain, sourceMap } = transform(code, {
      transforms: ["typescript"],
      disableESTransforms: true,
      keepUnusedImports: true,
      preserveDynamicImport: true,
      filePath: cell,
      sourceMapOptions: { compiledFilename: cell },
    });
    // Functions outlive their run, so their maps are kept.
    if (plain !== code && sourceMap !== undefined) {
      const { mappings } = sourceMap;
      this.#maps.set(cell, {
        version: sourceMap.version,
        file: cell,
        names: [],
        sources: [cell],
        sourcesContent: [],
        sourceRoot: "",
        mappings,
      });
    }
    return plain;
  }

  find(cell: string, line: number, column: number): Place {
    const map = this.#maps.get(cell);
    const entry = map && new SourceMap(map).findEntry(line, column);
    if (entry === undefined || !("originalLine" in entry)) return { line, column };
    // The position may be inside a mapped segment.
    const beyond = entry.generatedLine === line ? column - entry.generatedColumn : 0;
    return { line: entry.originalLine, column: entry.originalColumn + beyond };
  }

  /** Maps the positions in a line of a stack. */
  inFrame(frame: string): string {
    if (this.#maps.size === 0) return frame;
    return frame.replace(
      /(<cell-\d+>):(\d+):(\d+)/g,
      (_whole, cell: string, line: string, column: string) => {
        const place = this.find(cell, Number(line) - 1, Number(column) - 1);
        return `${cell}:${place.line + 1}:${place.column + 1}`;
      },
    );
  }
}
