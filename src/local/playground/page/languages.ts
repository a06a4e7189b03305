/** A language of the editor: its name on the wire, its label, and a program to begin with. */
export interface Language {
  readonly name: string;
  readonly label: string;
  readonly extensions: readonly string[];
  readonly sample: string;
}

export const languages: readonly Language[] = [
  {
    name: "python",
    label: "Python",
    extensions: ["py"],
    sample: `import sys

print("Hello from Python", sys.version.split()[0])
[n * n for n in range(8)]
`,
  },
  {
    name: "javascript",
    label: "JavaScript",
    extensions: ["js", "mjs", "cjs"],
    sample: `console.log("Hello from Node", process.version);
[1, 2, 3].map((n) => n * n)
`,
  },
  {
    name: "typescript",
    label: "TypeScript",
    extensions: ["ts", "mts"],
    sample: `const greet = (name: string): string => \`Hello, \${name}\`;
greet("TypeScript")
`,
  },
  {
    name: "bash",
    label: "Bash",
    extensions: ["sh", "bash"],
    sample: `echo "Hello from Bash $BASH_VERSION"
ls -la
`,
  },
  {
    name: "java",
    label: "Java",
    extensions: ["java"],
    sample: `var squares = java.util.stream.IntStream.range(0, 8).map(n -> n * n).boxed().toList();
System.out.println("Hello from Java");
squares
`,
  },
  {
    name: "go",
    label: "Go",
    extensions: ["go"],
    sample: `package main

import "fmt"

func main() {
	fmt.Println("Hello from Go")
}
`,
  },
];

/** Returns the language of a file by its name; Python for names that tell nothing. */
export function languageOfFile(path: string): Language {
  const extension = path.split(".").at(-1) ?? "";
  return languages.find(({ extensions }) => extensions.includes(extension)) ?? languageNamed("python");
}

export function languageNamed(name: string): Language {
  const found = languages.find((language) => language.name === name) ?? languages[0];
  if (found === undefined) throw new Error("There are no languages.");
  return found;
}
