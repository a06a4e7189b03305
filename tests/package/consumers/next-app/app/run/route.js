import { CodeInterpreter, Sandbox } from "opensandbox-code-interpreter";

/** Runs the request's body as Python. */
export async function POST(request) {
  const sandbox = await Sandbox.create({ timeoutSeconds: 120 });
  try {
    const { codes } = await CodeInterpreter.create(sandbox);
    const { text, stdout, error } = await codes.run(await request.text());
    return Response.json({ text, stdout, error: error?.name });
  } finally {
    await sandbox.kill();
  }
}
