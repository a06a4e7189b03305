/** Exit code for wrong usage. */
export const USAGE = 2;
/** Exit code for a failure of the SDK, the network or a server. */
export const FAILURE = 70;

/** The command was called with wrong arguments. */
export class UsageError extends Error {}

/** Something that the command needs is missing, or failed outside the SDK. */
export class CommandError extends Error {}
