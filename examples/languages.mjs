// @ts-check
// All six languages: each with state from run to run, and errors as data.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/languages.mjs
import { CodeInterpreter, Sandbox, SupportedLanguage } from "opensandbox-code-interpreter";

/** For each language: what sets the state, what shows it, and what fails. */
const PROGRAMS = {
  [SupportedLanguage.Python]: ["n = 41", "print('Python says', n + 1)", "[][1]"],
  [SupportedLanguage.JavaScript]: ["let n = 41;", "console.log('JavaScript says', n + 1);", "null.length"],
  [SupportedLanguage.TypeScript]: [
    "interface Box { value: number }\nconst box: Box = { value: 41 };",
    "console.log('TypeScript says', box.value + 1);",
    "throw new RangeError('too far');",
  ],
  [SupportedLanguage.Bash]: ["n=41", 'echo "Bash says $((n + 1))"', "ls /missing"],
  [SupportedLanguage.Java]: [
    "int n = 41;",
    'System.out.println("Java says " + (n + 1));',
    'throw new IllegalStateException("no");',
  ],
  [SupportedLanguage.Go]: ['import "fmt"\nvar n = 41', 'fmt.Println("Go says", n+1)', 'panic("no")'],
};

// Compilers want more memory than scripts do.
const sandbox = await Sandbox.create({ resource: { cpu: "2", memory: "4Gi" } });
try {
  const { codes } = await CodeInterpreter.create(sandbox);
  // Contexts run side by side; in this loop they take turns only so that the output is in order.
  for (const [language, [set = "", show = "", fail = ""]] of Object.entries(PROGRAMS)) {
    const context = await codes.createContext(language);
    // A language that the sandbox does not have says so in the first run's error.
    const { error: missing } = await codes.run(set, { context });
    if (missing !== undefined) {
      console.log(`${language}: ${missing.name}: ${missing.value}`);
      continue;
    }
    process.stdout.write((await codes.run(show, { context })).stdout);
    const { error } = await codes.run(fail, { context });
    // Bash's errors have no name: their value is the exit code.
    console.log(`${language} fails with`, error?.name || error?.value);
    await codes.deleteContext(context.id);
  }
} finally {
  await sandbox.kill();
  await sandbox.close();
}
