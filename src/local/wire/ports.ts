/** The port of execd in a sandbox. Nothing listens on it: the supervisor handles its requests itself. */
export const EXECD_PORT = 44772;
