// One row of the table, in a process of its own: started by scripts/bench.mjs, which it sends the figures.
import { ROWS } from "./rows.mjs";

const { row, sizes, context } = JSON.parse(process.argv[2]);
const report = async () => await (await fetch(`http://127.0.0.1:${context.port}/bench?reset`)).json();
const figures = await ROWS[row].measure(sizes, { ...context, report });
process.send(figures, () => process.exit());
