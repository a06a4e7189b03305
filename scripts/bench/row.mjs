// Runs one row of the table in a separate process, and sends the figures to scripts/bench.mjs, which started it.
import { ROWS } from "./rows.mjs";

const { row, sizes, context } = JSON.parse(process.argv[2]);
const report = async () => await (await fetch(`http://127.0.0.1:${context.port}/bench?reset`)).json();
const figures = await ROWS[row].measure(sizes, { ...context, report });
process.send(figures, () => process.exit());
