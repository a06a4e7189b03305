import { expect } from "@jest/globals";
import { Sandbox } from "../../../src/index.js";
import type { Area } from "../../helpers/worlds.js";
import type { Fetch } from "../../../src/transport/request.js";

export const health: Area = {
  name: "health, metrics and the token",
  fixture: "execd-misc",
  cases: {
    "good token": { call: ({ sandbox }) => sandbox.health.ping(), gives: undefined },
    "bad token": {
      call: async ({ sandbox: { id }, connectionConfig }) => {
        const { fetch = globalThis.fetch } = connectionConfig;
        // The SDK always sends the endpoint's token, whatever headers are configured.
        const withOtherToken: Fetch = (url, init) => {
          const headers = new Headers(init.headers);
          headers.set("X-EXECD-ACCESS-TOKEN", "wrong");
          return fetch(url, { ...init, headers });
        };
        const { health } = await Sandbox.connect({
          sandboxId: id,
          connectionConfig: connectionConfig.with({ fetch: withOtherToken }),
          skipHealthCheck: true,
        });
        await health.ping();
      },
      fails: [401, "UNEXPECTED_RESPONSE", /Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN/],
    },
    "metrics watch": {
      call: async ({ sandbox }) => {
        for await (const metrics of sandbox.metrics.watch()) return metrics;
        return undefined;
      },
      gives: {
        cpuCount: expect.any(Number),
        cpuUsedPercentage: expect.any(Number),
        memoryTotalMiB: expect.any(Number),
        memoryUsedMiB: expect.any(Number),
        timestamp: expect.any(Number),
      },
    },
  },
};
