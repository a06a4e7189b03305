// Runs the smoke suite in workerd, once per request: the request's body has the servers, the response the results.
import * as library from "opensandbox-code-interpreter";
import { smoke } from "./smoke.mjs";

export default {
  async fetch(request) {
    return Response.json(await smoke(library, await request.json()));
  },
};
