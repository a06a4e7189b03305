// Sucrase ships its parser without types.
declare module "sucrase/dist/parser/index.js" {
  export interface Token {
    readonly type: number;
    readonly contextualKeyword: number;
    readonly start: number;
    readonly end: number;
    readonly isType: boolean;
  }
  export function parse(
    code: string,
    isJsx: boolean,
    isTypeScript: boolean,
    isFlow: boolean,
  ): { readonly tokens: readonly Token[] };
}
declare module "sucrase/dist/parser/tokenizer/types.js" {
  export const TokenType: Readonly<
    Record<
      | ("at" | "braceL" | "braceR" | "dot" | "eq" | "name" | "semi" | "star" | "string" | "jsxTagStart")
      | ("_class" | "_const" | "_default" | "_enum" | "_export" | "_extends" | "_function" | "_let" | "_var"),
      number
    >
  >;
}
declare module "sucrase/dist/parser/tokenizer/keywords.js" {
  export const ContextualKeyword: Readonly<
    Record<
      "_async" | "_declare" | "_from" | "_interface" | "_module" | "_namespace" | "_type" | "_using",
      number
    >
  >;
}
