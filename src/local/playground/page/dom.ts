type Child = Node | string | undefined;

interface Properties {
  readonly class?: string;
  readonly text?: string;
  /** Attributes, such as `role` and `aria-label`. `false` leaves one out. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
}

/** Creates an element with its attributes, listeners and children. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  if (properties.class !== undefined) element.className = properties.class;
  if (properties.text !== undefined) element.textContent = properties.text;
  for (const [attribute, value] of Object.entries(properties.attributes ?? {})) {
    if (value !== false) element.setAttribute(attribute, value === true ? "" : String(value));
  }
  for (const [type, listener] of Object.entries(properties.on ?? {}))
    element.addEventListener(type, listener);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Creates a button that runs an action. */
export function button(
  text: string,
  onClick: () => void,
  attributes: Properties["attributes"] = {},
): HTMLButtonElement {
  return h("button", { text, attributes: { type: "button", ...attributes }, on: { click: onClick } });
}

/** Returns the message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Waits. */
export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
