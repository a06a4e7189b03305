import { problem, type Problem } from "../../wire/problem.js";

/** Creates the error for a request that is malformed or refers to nothing. */
export function badRequest(message: string): Problem {
  return problem(400, "INVALID_REQUEST_BODY", message);
}

/** Creates the error for a request that execd rejects after reading it. */
export function invalid(message: string): Problem {
  return badRequest(`invalid request, validation error ${message}`);
}

/** Creates the error for a failure in execd, or what execd reports as one. */
export function runtimeError(message: string): Problem {
  return problem(500, "RUNTIME_ERROR", message);
}
