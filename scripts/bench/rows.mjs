// The rows. Each runs in a separate process, so that garbage and compiled code of other rows do not affect it.
import { startLocalServer } from "../../dist/local/index.mjs";
import { CodeInterpreter, Sandbox } from "../../dist/index.mjs";
import { openContestants } from "./contestants.mjs";
import { measureLiveGrowth, measurePeak, measureTimes } from "./measure.mjs";

const MB = 1_000_000;

/** Compares times; the floor's is 1. */
const times = (title, works, { turns, warmUps, collect = true }) => ({
  title,
  unit: "ms",
  measure: async (sizes, context) => {
    const contestants = await openContestants(context.port, context);
    const each = Object.entries(contestants).map(([name, contestant]) => [name, works(contestant, sizes)]);
    // Leave out what takes the official SDK minutes, and what a contestant cannot do.
    const able = each.filter(([, work]) => work !== undefined);
    return await measureTimes(Object.fromEntries(able), { turns: turns(sizes), warmUps, collect });
  },
});

/** Compares memory. Each contestant runs in a separate process, as a peak is that of a whole process. */
const memory = (title, measureOne) => ({
  title,
  unit: "MiB",
  isAlone: true,
  measure: async (sizes, context) => {
    const { [context.only]: contestant } = await openContestants(context.port, context);
    return { [context.only]: await measureOne(contestant, sizes) };
  },
});

const fewTurns = ({ isQuick }) => (isQuick ? 1 : 9);
const run = (what) => (contestant, sizes) => expectEvents(contestant.run, what(sizes));

/** By name in the budget. */
export const ROWS = {
  accumulated: times(
    "events of 100 bytes, accumulated by run",
    run(({ events }) => ({ events })),
    { turns: fewTurns },
  ),
  flushed: times(
    "the same, each event in a chunk of its own",
    run(({ events }) => ({ events, flushEach: true })),
    { turns: fewTurns },
  ),
  iterated: times(
    "the same as the first, with an async iterator",
    // A run handle keeps its events for its promise and later loops, so the floor keeps them too.
    ({ iterate }, { events }) => expectEvents(iterate, { events }),
    { turns: fewTurns },
  ),
  streamed: times("the same, by runStream", ({ stream }, { events }) => expectEvents(stream, { events }), {
    turns: fewTurns,
  }),
  picture: times(
    "one event of 20 MB",
    run(({ pictureMegabytes }) => ({ pictureBytes: pictureMegabytes * MB })),
    { turns: ({ isQuick }) => (isQuick ? 1 : 5) },
  ),
  largePicture: times(
    "one event of 100 MB",
    // Its time is quadratic in the size.
    (contestant, sizes) =>
      contestant.isQuadratic
        ? undefined
        : expectEvents(contestant.run, { pictureBytes: sizes.pictureMegabytes * 5 * MB }),
    { turns: ({ isQuick }) => (isQuick ? 1 : 5) },
  ),
  largePicturePeak: memory("one event of 100 MB, peak of memory", ({ run: work }, { pictureMegabytes }) =>
    measurePeak(() => expectEvents(work, { pictureBytes: pictureMegabytes * 5 * MB })()),
  ),
  unkeptGrowth: memory(
    "1,000,000 events not accumulated, growth of what is alive",
    ({ stream }, { events }) => {
      const total = events * 5;
      const step = Math.max(1, Math.floor(total / 10));
      return measureLiveGrowth((weigh) =>
        stream({ events: total }, (event) => {
          if (event % step === 0) weigh();
        }),
      );
    },
  ),
  command: times(
    'commands.run("true"), the response kept open for 1 s',
    ({ command }) =>
      () =>
        command("true"),
    { turns: ({ isQuick }) => (isQuick ? 1 : 5) },
  ),
  create: {
    title: "Sandbox.create, requests in sequence",
    unit: "requests",
    measure: async (sizes, context) => {
      const contestants = await openContestants(context.port, context);
      const counts = {};
      for (const [name, { create }] of Object.entries(contestants)) {
        if (create === undefined) continue;
        await context.report();
        await create();
        counts[name] = (await context.report()).inSequence;
      }
      return counts;
    },
  },
  upload: times(
    "upload of 1 GB",
    ({ upload }, { transferMegabytes }) =>
      () =>
        upload(transferMegabytes * MB),
    { turns: ({ isQuick }) => (isQuick ? 1 : 5) },
  ),
  uploadPeak: memory("upload of 1 GB, peak of memory", ({ upload }, { transferMegabytes }) =>
    measurePeak(() => upload(transferMegabytes * MB)),
  ),
  download: times(
    "download of 1 GB",
    ({ download }, { transferMegabytes }) =>
      () =>
        download(transferMegabytes * MB),
    { turns: ({ isQuick }) => (isQuick ? 1 : 5) },
  ),
  downloadPeak: memory("download of 1 GB, peak of memory", ({ download }, { transferMegabytes }) =>
    measurePeak(() => download(transferMegabytes * MB)),
  ),
  parallel: times(
    "200 commands at once on one client",
    ({ runAtOnce }, { runsAtOnce }) =>
      () =>
        Promise.all(Array.from({ length: runsAtOnce }, () => runAtOnce({ events: 1 }))),
    { turns: ({ isQuick }) => (isQuick ? 1 : 15), warmUps: 2 },
  ),
  parallelConnections: {
    title: "the same five times: connections made",
    unit: "connections",
    // The connection pool belongs to the process.
    isAlone: true,
    measure: async ({ runsAtOnce }, context) => {
      const { [context.only]: contestant } = await openContestants(context.port, context);
      await context.report();
      for (let wave = 0; wave < 5; wave += 1) {
        await Promise.all(Array.from({ length: runsAtOnce }, () => contestant.runAtOnce({ events: 1 })));
      }
      return { [context.only]: (await context.report()).connections };
    },
  },
  roundTrip: times(
    "smallest run, round trip",
    ({ run: work }) =>
      () =>
        work({}),
    { turns: ({ isQuick }) => (isQuick ? 5 : 2_000), warmUps: 300, collect: false },
  ),
  python: {
    title: "1+1 in a warm Python context of the local server",
    unit: "ms",
    measure: ({ isQuick }) => measureLocal(isQuick),
  },
};

/** Requires the number of results: a benchmark that loses events would be meaningless. */
function expectEvents(work, what) {
  const expected = (what.events ?? 0) + (what.pictureBytes ? 1 : 0);
  return async () => {
    const events = await work(what);
    if (events !== expected) throw new Error(`Expected ${expected} events; got ${events}`);
  };
}

async function measureLocal(isQuick) {
  const server = await startLocalServer();
  try {
    const sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
    const { codes } = await CodeInterpreter.create(sandbox);
    const context = await codes.createContext("python");
    const work = async () => {
      const { text } = await codes.run("1+1", { context });
      if (text !== "2") throw new Error(`1+1 is ${text}`);
    };
    return await measureTimes({ ours: work }, { turns: isQuick ? 3 : 200, warmUps: isQuick ? 1 : 30 });
  } finally {
    await server.close();
  }
}
