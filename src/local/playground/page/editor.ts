import { autocompletion, closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { go } from "@codemirror/lang-go";
import { java } from "@codemirror/lang-java";
import { javascript } from "@codemirror/lang-javascript";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  StreamLanguage,
  syntaxHighlighting,
} from "@codemirror/language";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const LANGUAGES: Readonly<Record<string, () => Extension>> = {
  python,
  javascript: () => javascript(),
  typescript: () => javascript({ typescript: true }),
  go,
  java,
  bash: () => StreamLanguage.define(shell),
};

/** Colours come from the stylesheet, so that one set of rules serves both themes. */
const highlighting = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.controlKeyword], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--code-comment)", fontStyle: "italic" },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName)],
    color: "var(--code-function)",
  },
  { tag: [tags.typeName, tags.className], color: "var(--code-type)" },
]);

export interface EditorOptions {
  readonly parent: HTMLElement;
  readonly onChange: (code: string) => void;
  readonly onRun: () => void;
}

/** The code editor. It shows one document at a time; each keeps its own undo history. */
export class Editor {
  readonly #view: EditorView;
  readonly #options: EditorOptions;

  constructor(options: EditorOptions) {
    this.#options = options;
    this.#view = new EditorView({ parent: options.parent });
  }

  /** Creates the state of a new document. */
  document(code: string, language: string): EditorState {
    const { onChange, onRun } = this.#options;
    const run = () => {
      onRun();
      return true;
    };
    return EditorState.create({
      doc: code,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        syntaxHighlighting(highlighting),
        LANGUAGES[language]?.() ?? [],
        keymap.of([
          { key: "Mod-Enter", run },
          { key: "Shift-Enter", run },
          // Tab leaves the editor after Escape, so that keyboard users can get out.
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          indentWithTab,
        ]),
        EditorView.contentAttributes.of({ "aria-label": "Code" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    });
  }

  get state(): EditorState {
    return this.#view.state;
  }

  show(state: EditorState): void {
    this.#view.setState(state);
  }

  focus(): void {
    this.#view.focus();
  }
}
