/**
 * OpenSandbox execd: types and client.
 *
 * Made from openapi/execd.yaml. Do not edit: change the document, and run `npm run generate`.
 */
import createClient, { type Client, type ClientOptions } from "openapi-fetch";

/** A typed `fetch` client of OpenSandbox execd. */
export type ExecdClient = Client<paths>;

/** Creates a client; its methods take the path of an operation, as in `client.GET("/path", { params, … })`. */
export function createExecdClient(options: ClientOptions): ExecdClient {
  return createClient<paths>(options);
}

export interface paths {
    "/ping": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check whether the daemon responds
         * @description Responds as soon as the daemon is up. Kernels may still be starting then. Servers before September 2026
         *     require the access token here too.
         */
        get: operations["ping"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Say whether the daemon is set up
         * @description Says whether the daemon has its configuration, which some runtimes send after the start. Until then this is
         *     503, and so is every other operation, as `{error}`. It needs no access token. Older servers are 404.
         *
         *     Needs a server of September 2026 or later.
         */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/code": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run code
         * @description Runs code in a kernel and streams its output and results. There is no time limit, environment or directory
         *     to give.
         *
         *     The end of the stream is the only proof that a run has ended: `execution_complete` may come before
         *     output, results and the error (its time is then meaningless), and in addition to an `error`.
         *     Output is sometimes lost, and displayed values other than the last one are not sent at all.
         *
         *     A context runs one thing at a time; another one gets status 200, `init` and then the object without
         *     `type`, "session is busy". Blank code in a fresh context, or the kernel's death, leaves the stream
         *     open without end; deleting the context ends it. An unknown context or language is 500.
         */
        post: operations["runCode"];
        /**
         * Interrupt what runs in a context
         * @description Interrupts by any id; `interruptCommand` is the same. A context's run ends with an error
         *     (`KeyboardInterrupt` in Python) and its state stays; an idle context is not changed, so that an
         *     interrupt sent right after `init` can be lost. A command is ended as by `interruptCommand`. A session
         *     is deleted. An unknown id, or a command that has ended, is 500.
         */
        delete: operations["interruptCode"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/code/context": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a context
         * @description Starts a kernel with a state of its own. For an unknown language, or while the kernels are not up, the
         *     daemon retries without ever responding, so a client needs a time limit.
         */
        post: operations["createCodeContext"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/code/input": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answer code that asks for input
         * @description Only this package's local server has it. A run with `allow_input` sends the event `input_request`, whose `text`
         *     is the prompt and whose `input` has `context_id`, `id` and `is_password`, and waits for this answer. A
         *     request that is not waited for, or not any more, is 404 `INPUT_NOT_REQUESTED`.
         */
        post: operations["answerCodeInput"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/code/contexts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List contexts
         * @description Lists contexts in no certain order, the default ones among them. The names that run in the shell
         *     (`command`, `background-command`) and `sql` have no contexts and are 500.
         */
        get: operations["listCodeContexts"];
        put?: never;
        post?: never;
        /**
         * Delete a language's contexts
         * @description Ends all contexts of a language with their state, its default one too, which is made anew when it is
         *     next used. Succeeds if there is none.
         */
        delete: operations["deleteCodeContexts"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/code/contexts/{context_id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The context's id. */
                context_id: string;
            };
            cookie?: never;
        };
        /**
         * Describe a context
         * @description Looks one context up. An unknown one is 404 `CONTEXT_NOT_FOUND`.
         */
        get: operations["getCodeContext"];
        put?: never;
        post?: never;
        /**
         * Delete a context
         * @description Ends a context with its state. What runs in it is interrupted first, and its stream ends.
         */
        delete: operations["deleteCodeContext"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/command": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a command
         * @description Runs a command in a shell (`bash`, or `sh` where there is none), without a terminal and with an empty
         *     standard input, and streams its output.
         *
         *     Output comes by lines, without their ends; an empty line comes as the text `"\n"`, and a carriage
         *     return ends a line like a newline. A line is held back until it ends or the command does. The order
         *     between standard output and standard error is not kept.
         *
         *     A command that exits with 0 ends with `execution_complete`; any other with `error`, whose name is
         *     `CommandExecError` and whose value is the exit code, -1 after a signal or the timeout. Either is the
         *     last event; the connection stays open for 1 to 3 s after it.
         *
         *     In the background the stream is `init` and `execution_complete`; the output is read with
         *     `getCommandLogs`.
         */
        post: operations["runCommand"];
        /**
         * End a command
         * @description Sends SIGTERM to the command and its children, and SIGKILL after 3 s; the response comes when they are
         *     gone. A command that has ended, or an unknown id, is 500. A context's or a session's id is taken too:
         *     see `interruptCode`.
         */
        delete: operations["interruptCommand"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/command/status/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The command's id, from its `init` event. */
                id: components["parameters"]["CommandId"];
            };
            cookie?: never;
        };
        /**
         * Say whether a command runs, and how it ended
         * @description Describes a command, in the foreground or background. An unknown one is 404, and on servers before
         *     July 2026 so is a background command for an instant after its `init`. Newer servers forget a command a
         *     day after its end.
         */
        get: operations["getCommandStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/command/{id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The command's id, from its `init` event. */
                id: components["parameters"]["CommandId"];
            };
            cookie?: never;
        };
        /**
         * Read the output of a background command
         * @description Gives what a background command has printed so far, standard output and standard error together, from
         *     a cursor on. The text may begin and end inside of a character. A foreground command is 400, and so is
         *     an unknown one.
         */
        get: operations["getCommandLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a session
         * @description Makes a session, which remembers exported variables and the directory from run to run. It is not a shell
         *     that lives on: functions, aliases, variables that are not exported, and jobs are gone after each run.
         *     No body is the same as an empty object.
         */
        post: operations["createSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session's id. */
                sessionId: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete a session
         * @description Ends a session. What runs in it is killed and reports -1. An unknown one is 404.
         */
        delete: operations["deleteSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/run": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session's id. */
                sessionId: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a command in a session
         * @description Runs a command as `runCommand` does, with these differences: standard error comes as standard output,
         *     empty lines are left out, the connection closes at once, and ending the request kills the command.
         *     `exit` is reported, but what that run changed is not remembered. Runs of one session do not wait for
         *     each other.
         *
         *     After the timeout the stream ends, once the command's children have closed its output, with an object
         *     without `type`. An unknown session is 500.
         */
        post: operations["runInSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pty": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a terminal
         * @description Makes a terminal. Its program starts when the first client connects by WebSocket to
         *     `/pty/{terminalId}/ws`, at 80 columns and 24 rows. No body is the same as an empty object. A directory that
         *     is missing is made; if that fails it is 500, with two JSON objects in one body. On Windows it is 501
         *     `NOT_SUPPORTED`.
         */
        post: operations["createTerminal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pty/{terminalId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The terminal's id. */
                terminalId: components["parameters"]["TerminalId"];
            };
            cookie?: never;
        };
        /**
         * Describe a terminal
         * @description Describes a terminal. An unknown one is 404 `CONTEXT_NOT_FOUND`.
         */
        get: operations["getTerminal"];
        put?: never;
        post?: never;
        /**
         * Delete a terminal
         * @description Ends a terminal and kills its program. An unknown one is 404 `CONTEXT_NOT_FOUND`.
         */
        delete: operations["deleteTerminal"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pty/{terminalId}/ws": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The terminal's id. */
                terminalId: components["parameters"]["TerminalId"];
            };
            cookie?: never;
        };
        /**
         * Connect to a terminal
         * @description Opens a WebSocket to a terminal and starts its program if it does not run. A request that passes every check
         *     and is not a handshake is 400.
         *
         *     Binary messages begin with a byte: 0 is input; 1 is output; 2 is standard error, of pipes only; 3, with an
         *     offset of eight bytes, is output that is replayed, and everything that a viewer gets. Text messages are JSON
         *     with a `type`: `resize`, `signal`, `stdin` and `ping` from the client; `connected`, `exit`, `pong` and
         *     `error` from the server. Replayed output comes before `connected`. After `exit` the server closes with 1000;
         *     a client that was replaced is closed with 4001.
         */
        get: operations["connectTerminal"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete files
         * @description Deletes files. A missing one is skipped, a directory is 500. A symbolic link whose target is missing
         *     stays where it is, without an error.
         */
        delete: operations["deleteFiles"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files/info": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Describe files
         * @description Describes files and directories; a symbolic link is described itself. If one of them is missing the
         *     whole response is 404 `FILE_NOT_FOUND`. Without a path it is an empty object.
         */
        get: operations["getFilesInfo"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files/mv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move files and directories
         * @description Moves each source to its destination, and makes the directories above it. A missing source is 404, a
         *     destination that exists is 500.
         */
        post: operations["moveFiles"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files/permissions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set modes and owners
         * @description Sets the mode, owner and group of files and directories, not of what is in them. Setuid, setgid and
         *     sticky digits are ignored. A missing file is 500.
         */
        post: operations["setPermissions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find files by name
         * @description Finds files and symbolic links below a directory, at any depth; there are no pages. A missing
         *     directory is 404, a malformed pattern 500. If the directory is a symbolic link, it is not entered, and
         *     found itself.
         */
        get: operations["searchFiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files/replace": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace text in files
         * @description Replaces every occurrence of a text, byte for byte, in each file. A text to find that is empty is 400,
         *     a missing file 404, a directory 500. Without `verbose` the response has no body.
         */
        post: operations["replaceInFiles"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files/upload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Write files
         * @description Writes files, over what was there, and makes the directories above them. A new file without a mode
         *     gets 755, an old one keeps its own. Newer servers apply the mode and owner to new directories above it
         *     too.
         *
         *     A mode that is a string, or metadata without a path, is 400. A mode with digits above 7 and an unknown
         *     owner are 500, when the file has been written already.
         */
        post: operations["uploadFiles"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files/download": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a file
         * @description Reads a whole file, some of its bytes (`Range`) or some of its lines (`offset`, `limit`); bytes and
         *     lines together are 400. Lines are joined with `\n`, without carriage returns and without one at the
         *     end.
         *
         *     A range beyond the end is 416 in plain text. A malformed range is 416 too, but announces the whole
         *     file's length, so that the connection breaks off. A directory is 200 with an impossible length, and
         *     breaks off.
         */
        get: operations["downloadFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/directories": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create directories
         * @description Makes directories and those above them. One that exists keeps its mode and owner.
         *     Modes apply to the last directory of a path; newer servers apply the owner and group to all that they
         *     make.
         */
        post: operations["createDirectories"];
        /**
         * Delete directories
         * @description Deletes directories with everything in them, and plain files as well. A missing one is skipped.
         */
        delete: operations["deleteDirectories"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/directories/list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List a directory
         * @description Lists what is in a directory, by name, each directory before what is in it. Symbolic links are not
         *     entered. A missing directory is 404; a file, or a symbolic link, is 400.
         */
        get: operations["listDirectory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Measure processor and memory
         * @description Measures for one second, then responds. The figures are the machine's, not the sandbox's.
         */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics/watch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Keep measuring processor and memory
         * @description Measures about every 2 s until the request is ended. The content type says `text/event-stream`, but
         *     each measurement is one line of JSON, and a failed one a line `{"error": "..."}`. There are no pings.
         */
        get: operations["watchMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/capabilities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Say whether isolated sessions can be had
         * @description Returns whether isolated sessions are available, and if not, why.
         *
         *     Needs a server of July 2026 or later.
         */
        get: operations["getIsolationCapabilities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create an isolated session
         * @description Starts a shell in namespaces of its own, with a read-only root, and responds when it is ready, within
         *     10 s. Paths that are missing or not allowed and an unknown profile are 400, a `uid_mode` that the
         *     machine cannot do is 503 `NOT_SUPPORTED`, a shell that does not start is 500.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["createIsolatedSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List isolated sessions
         * @description Lists all sessions, dead ones too. A restart of the daemon forgets them.
         *
         *     Needs a server of July 2026 or later.
         */
        get: operations["listIsolatedSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        /**
         * Describe an isolated session
         * @description Describes one session. An unknown one is 404 `SESSION_NOT_FOUND`.
         *
         *     Needs a server of July 2026 or later.
         */
        get: operations["getIsolatedSession"];
        put?: never;
        post?: never;
        /**
         * Delete an isolated session
         * @description Ends a session; what was written to an overlay is gone. If cleaning up takes too long it is 500, and
         *     the deletion can be repeated.
         *
         *     Needs a server of July 2026 or later.
         */
        delete: operations["deleteIsolatedSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/run": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run code in an isolated session
         * @description Writes code to the session's shell and streams what it prints. Variables, functions and the directory
         *     last from run to run, unless `envs` is given. Runs of one session wait for each other.
         *
         *     The stream is poorer than the others: `stdout` by lines (standard error with it, empty lines left
         *     out), then either `execution_complete` or `error` (`ExitError` with the exit code as its value, or
         *     `RuntimeError`). There is no `init` and no `ping`, and headers come with the first line: silence means
         *     nothing, so no idle timeout fits.
         *
         *     Ending the request is the only interrupt. `exit` ends the session; a run in one that is dead is 200
         *     with an `error`, in an unknown one 404.
         *
         *     With `background` it is a process of its own, which neither sees nor changes the shell's state; the response
         *     is 202, and a dead session or one that cannot be written to is 400.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["runInIsolatedSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/runs/{runId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
                /** @description The background run's id. */
                runId: components["parameters"]["IsolatedRunId"];
            };
            cookie?: never;
        };
        /**
         * Say whether a background run goes on, and how it ended
         * @description Describes a background run. If its session has died, it has the error `session terminated` and no exit code.
         *     There is no operation that ends one run.
         *
         *     Needs a server of September 2026 or later.
         */
        get: operations["getIsolatedRun"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/runs/{runId}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
                /** @description The background run's id. */
                runId: components["parameters"]["IsolatedRunId"];
            };
            cookie?: never;
        };
        /**
         * Read the output of a background run
         * @description Gives what a background run has printed so far, standard output and standard error together, from a cursor
         *     on: at most 16 MiB at a time. Of a run that has ended the last 16 MiB are kept.
         *
         *     Needs a server of September 2026 or later.
         */
        get: operations["getIsolatedRunLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        /**
         * Say what a session has changed
         * @description Intended to return what an overlay has changed. So far servers always respond with 503 `NOT_SUPPORTED`.
         *
         *     Needs a server of July 2026 or later.
         */
        get: operations["diffIsolatedSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/commit": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keep what a session has changed
         * @description Intended to keep what an overlay has changed. So far servers always respond with 503 `NOT_SUPPORTED`.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["commitIsolatedSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/files": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete files of an isolated session
         * @description Deletes files of the session's workspace. Other than with `deleteFiles`, a missing one is 500.
         *
         *     Needs a server of July 2026 or later.
         */
        delete: operations["deleteIsolatedFiles"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/files/info": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        /**
         * Describe files of an isolated session
         * @description Describes files and directories of the session's workspace. Owner, group and the instant of creation
         *     are not known there. If one of them is missing, the whole response is 404.
         *
         *     Needs a server of July 2026 or later.
         */
        get: operations["getIsolatedFilesInfo"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/files/mv": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move files of an isolated session
         * @description Moves files and directories within the session's workspace.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["moveIsolatedFiles"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/files/permissions": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set modes in an isolated session
         * @description Sets the mode of files and directories of the session's workspace; owner and group are ignored.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["setIsolatedPermissions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/files/search": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        /**
         * Find files of an isolated session by name
         * @description Finds files of the session's workspace, at any depth. The paths it gives start at the workspace.
         *
         *     Needs a server of July 2026 or later.
         */
        get: operations["searchIsolatedFiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/files/replace": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace text in files of an isolated session
         * @description Replaces every occurrence of a text, byte for byte, in files of the session's workspace; their modes
         *     stay. Without `verbose` the response has no body.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["replaceInIsolatedFiles"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/files/upload": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Write files of an isolated session
         * @description Writes files to the session's workspace, and makes the directories above them. A new file without a
         *     mode gets 644; owner and group are ignored. In an overlay the shell that runs already does not see
         *     them.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["uploadIsolatedFiles"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/files/download": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        /**
         * Read a file of an isolated session
         * @description Reads a file of the session's workspace: all of it, some of its bytes (`Range`) or some of its lines
         *     (`offset`, `limit`); bytes and lines together are 400.
         *
         *     Needs a server of July 2026 or later.
         */
        get: operations["downloadIsolatedFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/directories": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create directories in an isolated session
         * @description Makes directories of the session's workspace, and those above them, with mode 755 unless one is given.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["createIsolatedDirectories"];
        /**
         * Delete directories of an isolated session
         * @description Deletes directories of the session's workspace with everything in them. A missing one is skipped.
         *
         *     Needs a server of July 2026 or later.
         */
        delete: operations["deleteIsolatedDirectories"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/isolated/session/{sessionId}/directories/list": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        /**
         * List a directory of an isolated session
         * @description Lists a directory of the session's workspace.
         *
         *     Needs a server of July 2026 or later.
         */
        get: operations["listIsolatedDirectory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What kind of context to create. */
        CodeContextRequest: {
            /**
             * @description The kernel: `python`, `java`, `javascript`, `typescript`, `go` or `bash`. Without one, or with an
             *     unknown one, there is no response.
             */
            language?: string;
            /** @description A directory, which is made if it is missing. The kernel is not started in it, though. */
            cwd?: string;
        };
        /** @description A kernel and its state. */
        CodeContext: {
            /** @description Names the context. Without one, a run is in the language's default context, made at its first use. */
            id?: string;
            /**
             * @description The kernel that runs the code. It is needed besides `id`: without it the code runs in the shell.
             *     `command` and `background-command` are the shell, `sql` a database at 127.0.0.1:3306.
             */
            language: string;
            /** @description The directory that the context was created with. It is only in the response to its creation. */
            cwd?: string;
        };
        /** @description What to run, and where. */
        RunCodeRequest: {
            /** @description The source text; an empty one is 400. */
            code: string;
            /** @description Where to run it. Without a context it runs in the shell. */
            context?: components["schemas"]["CodeContext"];
            /**
             * @description Whether the client answers when the code asks for input, by `answerCodeInput`. Only this package's
             *     local server has it; others ignore it.
             */
            allow_input?: boolean;
        };
        /** @description An answer to code that asks for input. */
        CodeInput: {
            /** @description The context of the run. */
            context_id: string;
            /** @description Of the request. */
            id: number;
            /** @description The line, without its end. */
            text?: string;
            /** @description Whether there is no more input; then `text` is ignored. */
            is_end?: boolean;
        };
        /**
         * @description One event of a stream. What is empty or zero is left out. An object without `type` is a failure of the
         *     daemon: it has `code` and `message`, and nothing comes after it.
         */
        ServerStreamEvent: {
            /**
             * @description What happened. `init`: begun. `stdout`, `stderr`: something printed. `result`: a value.
             *     `execution_count`: the number of the run, before its result. `status`: always `error`, before an
             *     error. `error`: the code failed. `execution_complete`: done. `ping`: still there.
             * @enum {string}
             */
            type?: "init" | "status" | "error" | "stdout" | "stderr" | "result" | "execution_complete" | "execution_count" | "ping";
            /**
             * @description For `init`, the id of the command, context or session. For `stdout` and `stderr`, the text: a line
             *     without its end from a shell, unchanged text from a kernel. For `status`, the state. For `ping`,
             *     `pong`.
             */
            text?: string;
            /** @description For `execution_count`, the number of the run in its context, from 1. */
            execution_count?: number;
            /**
             * Format: int64
             * @description For `execution_complete`, milliseconds; left out when it is 0. Meaningless when it came early.
             */
            execution_time?: number;
            /**
             * Format: int64
             * @description When it happened, in milliseconds since 1970.
             */
            timestamp?: number;
            /**
             * @description For `result`, the value by MIME type. `text/plain` comes as `text`; images are in base64, and
             *     `application/json` is not a string.
             */
            results?: {
                [key: string]: unknown;
            };
            /** @description For `error`, what failed. */
            error?: {
                /** @description The kind, such as `NameError`; `CommandExecError` for commands. It may be empty. */
                ename?: string;
                /** @description The message; for commands the exit code, -1 after a signal. It may be empty. */
                evalue?: string;
                /** @description The traceback, in lines that may contain terminal colours. It may be empty or null. */
                traceback?: string[];
            };
            /** @description Only without `type`, a word for programs, such as `RUNTIME_ERROR`. */
            code?: string;
            /** @description Only without `type`, a sentence for people, such as `error running codes session is busy`. */
            message?: string;
        };
        /** @description What to run, and how. Exactly one of `command` and `argv` must be given; anything else is 400. */
        RunCommandRequest: {
            /** @description A line, or a whole script, for the shell. An empty one is 400; one of blanks runs nothing. */
            command?: string;
            /**
             * @description A program and its arguments, started without a shell. The first must not be empty, and none may contain
             *     NUL. Older servers ignore it, and miss the `command` (400).
             *
             *     Needs a server of September 2026 or later.
             */
            argv?: string[];
            /** @description The directory to run it in. A missing one is 400. The daemon's own by default. */
            cwd?: string;
            /**
             * @description Lets it run on by itself; its output is kept instead of streamed.
             * @default false
             */
            background?: boolean;
            /**
             * Format: int64
             * @description Milliseconds after which it is killed; 0, or no value, is never. Less than 0 is 400.
             */
            timeout?: number;
            /**
             * Format: int32
             * @description The user to run it as. Give `gid` with it, which is 0 otherwise for a user that has no entry.
             */
            uid?: number;
            /**
             * Format: int32
             * @description The group to run it as. Without `uid` it is 400.
             */
            gid?: number;
            /** @description Environment variables, besides the daemon's own. */
            envs?: {
                [key: string]: string;
            };
        };
        /** @description Whether a command runs, and how it ended. */
        CommandStatusResponse: {
            /** @description The command's id. */
            id?: string;
            /** @description The command as it was sent. */
            content?: string;
            /** @description Whether it still runs. */
            running?: boolean;
            /**
             * Format: int32
             * @description How it ended; left out while it runs. -1 after a signal, 255 if it could not start.
             */
            exit_code?: number | null;
            /** @description Why it ended otherwise than with 0, such as `exit status 3` or `signal: terminated`. */
            error?: string;
            /**
             * Format: date-time
             * @description When it began.
             */
            started_at?: string;
            /**
             * Format: date-time
             * @description When it ended; left out while it runs.
             */
            finished_at?: string | null;
        };
        /** @description What runs in the terminal. */
        CreateTerminalRequest: {
            /** @description The directory in which the program starts, which is made if it is missing. */
            cwd?: string;
            /** @description What the shell runs; without it the shell is interactive. */
            command?: string;
        };
        /** @description The new terminal. */
        CreateTerminalResponse: {
            /** @description The terminal's id. */
            session_id: string;
        };
        /** @description A terminal. */
        TerminalState: {
            /** @description The terminal's id. */
            session_id: string;
            /** @description Whether its program runs; false before the first client connects. */
            running: boolean;
            /**
             * Format: int64
             * @description How many bytes the program has written.
             */
            output_offset: number;
            /** @description How the program that ran last ended; -1 if a signal ended it. Only this package's local server has it. */
            exit_code?: number;
        };
        /** @description How the session begins. */
        CreateSessionRequest: {
            /** @description The directory of the first run, which is made if it is missing. */
            cwd?: string;
        };
        /** @description The new session. */
        CreateSessionResponse: {
            /** @description Names the session. As an interrupt's id it deletes the session. */
            session_id: string;
        };
        /** @description What to run. */
        RunInSessionRequest: {
            /** @description A line, or a whole script, for the shell. */
            command: string;
            /** @description The directory to run it in, and later ones too. A missing one is 400. */
            cwd?: string;
            /**
             * Format: int64
             * @description Milliseconds after which the shell is killed; 0, or no value, is a day.
             */
            timeout?: number;
        };
        /** @description A file, directory or symbolic link. */
        FileInfo: {
            /** @description Its absolute path. */
            path: string;
            /**
             * @description What it is.
             * @enum {string}
             */
            type?: "file" | "directory" | "symlink" | "other";
            /**
             * Format: int64
             * @description Its length in bytes.
             */
            size: number;
            /**
             * Format: date-time
             * @description When its content last changed.
             */
            modified_at: string;
            /**
             * Format: date-time
             * @description When it was created, or, where that is not known, when its mode or owner last changed.
             */
            created_at: string;
            /** @description The owner's name, or number where there is no name. Absent in isolated sessions. */
            owner?: string;
            /** @description The group's name, or number where there is no name. Absent in isolated sessions. */
            group?: string;
            /** @description A decimal number whose digits are the octal ones; 644 is rw-r--r--. */
            mode: number;
        };
        /** @description Where to write a file, and how. A mode as a string is 400. */
        FileMetadata: {
            /** @description The file's path; without one it is 400. */
            path?: string;
            /** @description The owner's name or number. */
            owner?: string;
            /** @description The group's name or number. */
            group?: string;
            /**
             * @description A decimal number whose digits are the octal ones; 644 is rw-r--r--. A new file gets 755 without
             *     it.
             */
            mode?: number;
        };
        /** @description Mode and owner of a file or directory. */
        Permission: {
            /** @description The owner's name or number. Unchanged if absent. */
            owner?: string;
            /** @description The group's name or number. Unchanged if absent. */
            group?: string;
            /**
             * @description A decimal number whose digits are the octal ones; 755 is rwxr-xr-x. `setPermissions` takes 0 for
             *     "leave it as it is".
             * @default 755
             */
            mode: number;
        };
        /** @description One move. */
        RenameFileItem: {
            /** @description What to move. */
            src: string;
            /** @description Where to, with the new name. */
            dest: string;
        };
        /** @description One replacement. */
        ReplaceFileContentItem: {
            /** @description The text to find, literally. */
            old: string;
            /** @description The text to put there; an empty one deletes. */
            new: string;
        };
        /** @description The result of one replacement. */
        ReplaceFileContentResult: {
            /** @description How often the text was found. */
            replacedCount: number;
        };
        /** @description Processor and memory of the machine. */
        Metrics: {
            /**
             * Format: float
             * @description How many processors there are.
             */
            cpu_count: number;
            /**
             * Format: float
             * @description How busy all of them are together, from 0 to 100.
             */
            cpu_used_pct: number;
            /**
             * Format: float
             * @description How much memory there is, in MiB.
             */
            mem_total_mib: number;
            /**
             * Format: float
             * @description How much of it is in use, in MiB.
             */
            mem_used_mib: number;
            /**
             * Format: int64
             * @description When it was measured, in milliseconds since 1970.
             */
            timestamp: number;
        };
        /**
         * @description Whether the daemon is set up.
         *
         *     Needs a server of September 2026 or later.
         */
        ReadyResponse: {
            /** @description Whether it has its configuration. */
            initialized: boolean;
            /** @description The sandbox that it was configured for. */
            sandboxId?: string;
            /** @description How many times the sandbox has been restored. */
            generation?: number;
        };
        /**
         * @description The features of isolated sessions on this server.
         *
         *     Needs a server of July 2026 or later.
         */
        CapabilitiesResponse: {
            /** @description Whether sessions can be created. */
            available?: boolean;
            /** @description What isolates them, such as `bwrap`. */
            isolator?: string;
            /** @description The isolator's version. */
            version?: string;
            /** @description Why they cannot be had. */
            message?: string;
            /** @description Whether `uid_mode` may be `setpriv`. */
            setpriv_available?: boolean;
            /** @description Whether `uid_mode` may be `userns`. */
            userns_available?: boolean;
            /** @description Whether changes can be kept; always false so far. */
            commit_supported?: boolean;
            /** @description Whether changes can be listed; always false so far. */
            diff_supported?: boolean;
            /**
             * @description Which further protections are active: `init_mode` (`pid1`, `subreaper`, `none`), and for each of
             *     `signal_shield`, `cap_drop`, `seccomp`, `landlock` and `ebpf` a `state` and a `message`.
             *
             *     Needs a server of August 2026 or later.
             */
            hardening?: {
                [key: string]: unknown;
            };
            /**
             * @description How the daemon was set up. Its form, and its name, are not confirmed.
             *
             *     Needs a server of September 2026 or later.
             */
            runtime_init?: {
                [key: string]: unknown;
            };
        };
        /**
         * @description What the session sees and may do.
         *
         *     Needs a server of July 2026 or later.
         */
        CreateIsolatedSessionRequest: {
            /** @description The working directory. */
            workspace: components["schemas"]["IsolatedWorkspaceSpec"];
            /**
             * @description With `strict`, the default, it has its own /tmp; with `balanced` it shares the sandbox's.
             * @enum {string}
             */
            profile?: "strict" | "balanced";
            /** @description Further paths that it may write to; they must exist and be allowed by the daemon. */
            extra_writable?: string[];
            /** @description Paths to mount into it. */
            binds?: components["schemas"]["BindMount"][];
            /** @description Whether it shares the sandbox's network, which is the default. Otherwise it has no network. */
            share_net?: boolean;
            /** @description Which environment variables it gets. */
            env_passthrough?: components["schemas"]["EnvPassthroughSpec"];
            /**
             * Format: uint32
             * @description The user to run as; the daemon's own by default.
             */
            uid?: number;
            /**
             * Format: uint32
             * @description The group to run as; the daemon's own by default.
             */
            gid?: number;
            /**
             * @description How the user is changed; `setpriv` by default.
             * @enum {string}
             */
            uid_mode?: "setpriv" | "userns";
            /** @description Seconds without a run after which it is deleted, give or take a minute; 0, the default, is never. */
            idle_timeout_seconds?: number;
        };
        /**
         * @description The directory that an isolated session works in.
         *
         *     Needs a server of July 2026 or later.
         */
        IsolatedWorkspaceSpec: {
            /** @description The directory, which is made if it is missing. */
            path: string;
            /**
             * @description `rw` writes to the directory itself, `ro` not at all. `overlay`, the default, keeps what is
             *     written apart and throws it away with the session.
             * @enum {string}
             */
            mode?: "rw" | "overlay" | "ro";
        };
        /**
         * @description A path that is mounted into an isolated session.
         *
         *     Needs a server of July 2026 or later.
         */
        BindMount: {
            /** @description What to mount, as an absolute path that exists and is allowed by the daemon. */
            source: string;
            /** @description Where to, as an absolute path; the same path by default. */
            dest?: string;
            /**
             * @description Forbids writing.
             * @default false
             */
            readonly?: boolean;
        };
        /**
         * @description Which environment variables an isolated session gets.
         *
         *     Needs a server of July 2026 or later.
         */
        EnvPassthroughSpec: {
            /**
             * @description `allow` passes only `keys`. `deny`, the default, passes all but `keys`, or, where there are none,
             *     all but those whose names look like secrets.
             * @enum {string}
             */
            mode?: "allow" | "deny";
            /** @description Names of variables. They have no effect without `mode`. */
            keys?: string[];
        };
        /**
         * @description The new session.
         *
         *     Needs a server of July 2026 or later.
         */
        IsolatedCreateSessionResponse: {
            /**
             * Format: uuid
             * @description Names the session.
             */
            session_id?: string;
            /**
             * Format: date-time
             * @description When it was created.
             */
            created_at?: string;
        };
        /**
         * @description All isolated sessions.
         *
         *     Needs a server of July 2026 or later.
         */
        ListIsolatedSessionsResponse: {
            /** @description The sessions. */
            sessions: components["schemas"]["IsolatedSessionSummary"][];
        };
        /**
         * @description An isolated session in brief.
         *
         *     Needs a server of July 2026 or later.
         */
        IsolatedSessionSummary: {
            /**
             * Format: uuid
             * @description Names the session.
             */
            session_id: string;
            /**
             * @description Whether it can run code. A dead one's shell has ended.
             * @enum {string}
             */
            status: "active" | "dead" | "destroyed";
            /**
             * Format: date-time
             * @description When it was created.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When its last run that was not cut short ended.
             */
            last_run_at: string;
            /** @description Seconds until it is deleted for being idle; left out where that never happens. */
            idle_remaining_seconds?: number | null;
        };
        /**
         * @description An isolated session, with the options it was created with, which older servers leave out.
         *
         *     Needs a server of July 2026 or later.
         */
        SessionState: {
            /**
             * @description Whether it can run code. A dead one's shell has ended.
             * @enum {string}
             */
            status?: "active" | "dead" | "destroyed";
            /**
             * Format: date-time
             * @description When it was created.
             */
            created_at?: string;
            /**
             * Format: date-time
             * @description When its last run that was not cut short ended.
             */
            last_run_at?: string;
            /** @description Seconds until it is deleted for being idle; left out where that never happens. */
            idle_remaining_seconds?: number | null;
            /** @description The working directory. */
            workspace?: components["schemas"]["IsolatedWorkspaceSpec"];
            /**
             * @description As requested.
             * @enum {string}
             */
            profile?: "strict" | "balanced";
            /** @description As requested. */
            extra_writable?: string[];
            /** @description As requested. */
            binds?: components["schemas"]["BindMount"][];
            /** @description As requested. */
            share_net?: boolean;
            /** @description As requested. */
            env_passthrough?: components["schemas"]["EnvPassthroughSpec"];
            /**
             * Format: uint32
             * @description As requested.
             */
            uid?: number;
            /**
             * Format: uint32
             * @description As requested.
             */
            gid?: number;
            /**
             * @description As requested.
             * @enum {string}
             */
            uid_mode?: "setpriv" | "userns";
            /** @description As requested, in seconds; 0 means never. */
            idle_timeout_seconds?: number;
        };
        /**
         * @description What to run in an isolated session.
         *
         *     Needs a server of July 2026 or later.
         */
        IsolatedRunRequest: {
            /** @description Shell code; empty code is rejected with 400. Its standard input is the code that follows. */
            code: string;
            /** @description Environment variables for this run, which then leaves no state behind. */
            envs?: {
                [key: string]: string;
            };
            /** @description Seconds after which it is interrupted with SIGINT; 0, or no value, is never. Ignored with `background`. */
            timeout_seconds?: number;
            /**
             * @description Lets it run on by itself; its output is kept below the workspace and read with `getIsolatedRunLogs`.
             *     Older servers ignore it, and stream.
             *
             *     Needs a server of September 2026 or later.
             * @default false
             */
            background?: boolean;
        };
        /**
         * @description A background run that has started.
         *
         *     Needs a server of September 2026 or later.
         */
        IsolatedBackgroundRun: {
            /**
             * Format: uuid
             * @description The session.
             */
            session_id: string;
            /** @description Names the run. */
            run_id: string;
            /**
             * Format: date-time
             * @description When it started.
             */
            started_at: string;
        };
        /**
         * @description A background run.
         *
         *     Needs a server of September 2026 or later.
         */
        IsolatedRunState: {
            /**
             * Format: uuid
             * @description The session.
             */
            session_id: string;
            /** @description Names the run. */
            run_id: string;
            /** @description Whether it goes on. */
            running: boolean;
            /** @description The exit code, once it has ended by itself. */
            exit_code?: number;
            /** @description Why there is no exit code. */
            error?: string;
            /**
             * Format: date-time
             * @description When it started.
             */
            started_at: string;
            /**
             * Format: date-time
             * @description When it ended.
             */
            finished_at?: string;
        };
        /** @description What went wrong. */
        ErrorResponse: {
            /** @description A code for programs, such as `FILE_NOT_FOUND`; less specific than the status. */
            code: string;
            /** @description A sentence for people. Daemons leave it out when they have nothing to say. */
            message?: string;
        };
        /** @description The access token is missing or wrong. */
        UnauthorizedResponse: {
            /** @description A sentence for people. */
            error: string;
        };
    };
    responses: {
        /** @description Done. The body is empty and has no content type. */
        Empty: {
            headers: {
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description The events, as they happen. */
        Events: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/event-stream": components["schemas"]["ServerStreamEvent"];
            };
        };
        /** @description The descriptions, by the requested paths. */
        FileInfoByPath: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    [key: string]: components["schemas"]["FileInfo"];
                };
            };
        };
        /** @description The descriptions. */
        FileInfoList: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["FileInfo"][];
            };
        };
        /** @description With `verbose`, how often the text was found, by path; without it, an empty body. */
        ReplacedCounts: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    [key: string]: components["schemas"]["ReplaceFileContentResult"];
                };
            };
        };
        /** @description The body, a parameter or a path is missing, malformed or refused. */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The access token is missing or wrong. */
        Unauthorized: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["UnauthorizedResponse"];
            };
        };
        /** @description It does not exist, or no longer exists. */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description It failed. Wrong arguments are among the reasons. */
        RuntimeError: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description Isolation, or this part of it, cannot be had here (`SERVICE_UNAVAILABLE`, `NOT_SUPPORTED`). */
        Unavailable: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
    };
    parameters: {
        /** @description The command's id, from its `init` event. */
        CommandId: string;
        /** @description The session's id. */
        SessionId: string;
        /** @description The terminal's id. */
        TerminalId: string;
        /** @description The isolated session's id. */
        IsolatedSessionId: string;
        /** @description The background run's id. */
        IsolatedRunId: string;
        /** @description The paths. The parameter is repeated for each (`path=/a&path=/b`). */
        Paths: string[];
        /** @description The file's path. */
        Path: string;
        /** @description The directory's path. */
        Directory: string;
        /**
         * @description What the name of a file, without its directories, must be like: `*`, `?`, `[ab]`, `{a,b}`. Upper and
         *     lower case differ. A pattern with a directory in it (`a/*`) finds nothing.
         */
        Pattern: string;
        /**
         * @description Only these bytes, as in `bytes=0-99`, `bytes=100-` or `bytes=-10`. Of several ranges the first counts.
         * @example bytes=0-1023
         */
        Range: string;
        /** @description The first line to read, from 1. Beyond the end the response is empty. */
        LineOffset: number;
        /** @description How many lines to read at most. */
        LineLimit: number;
    };
    requestBodies: {
        /** @description What to move, and where to. */
        Moves: {
            content: {
                "application/json": components["schemas"]["RenameFileItem"][];
            };
        };
        /** @description Modes and owners, by path. */
        PermissionsByPath: {
            content: {
                /**
                 * @example {
                 *       "/workspace/run.sh": {
                 *         "mode": 755,
                 *         "owner": "root"
                 *       }
                 *     }
                 */
                "application/json": {
                    [key: string]: components["schemas"]["Permission"];
                };
            };
        };
        /** @description What to replace, by path. */
        ReplacementsByPath: {
            content: {
                /**
                 * @example {
                 *       "/workspace/app.conf": {
                 *         "old": "debug=1",
                 *         "new": "debug=0"
                 *       }
                 *     }
                 */
                "application/json": {
                    [key: string]: components["schemas"]["ReplaceFileContentItem"];
                };
            };
        };
        /**
         * @description Pairs of parts, each `metadata` before its `file`; the n-th of one belongs to the n-th of the other,
         *     and different numbers of them are 400 `INVALID_FILE`.
         */
        Upload: {
            content: {
                "multipart/form-data": {
                    /**
                     * @description A `FileMetadata` as JSON. The part must have a `filename`; without one it is taken for a
                     *     form field and refused (400 `INVALID_FILE_METADATA`).
                     */
                    metadata?: string;
                    /**
                     * Format: binary
                     * @description The content.
                     */
                    file?: Blob;
                };
            };
        };
    };
    headers: {
        /** @description `attachment` with the name of the file, percent-encoded in `filename*` when it is not ASCII. */
        ContentDisposition: string;
        /** @description How many bytes follow. */
        ContentLength: number;
        /** @description Which bytes these are, and of how many, such as `bytes 0-4/25`; `bytes *\/25` in a refusal. */
        ContentRange: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    ping: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is set up. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadyResponse"];
                };
            };
            /** @description It is not set up yet. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadyResponse"];
                };
            };
        };
    };
    runCode: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "print('hello')\n1 + 1",
                 *       "context": {
                 *         "language": "python"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["RunCodeRequest"];
            };
        };
        responses: {
            200: components["responses"]["Events"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    interruptCode: {
        parameters: {
            query: {
                /** @description The context's id; for a default context it is in the `init` event. */
                id: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    createCodeContext: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CodeContextRequest"];
            };
        };
        responses: {
            /** @description The context is ready to run code. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CodeContext"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    answerCodeInput: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "context_id": "2cae86e0-ffcf-43c1-ac64-f4bc577ca688",
                 *       "id": 1,
                 *       "text": "Ada"
                 *     }
                 */
                "application/json": components["schemas"]["CodeInput"];
            };
        };
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
    listCodeContexts: {
        parameters: {
            query?: {
                /** @description Only this language's. Servers list all languages' without it, although the contract requires it. */
                language?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The contexts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CodeContext"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    deleteCodeContexts: {
        parameters: {
            query: {
                /** @description The language. An empty one is 400 `MISSING_QUERY`. */
                language: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    getCodeContext: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The context's id. */
                context_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The context. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CodeContext"];
                };
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    deleteCodeContext: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The context's id. */
                context_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    runCommand: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "command": "ls -l | wc -l",
                 *       "cwd": "/tmp",
                 *       "timeout": 10000
                 *     }
                 */
                "application/json": components["schemas"]["RunCommandRequest"];
            };
        };
        responses: {
            200: components["responses"]["Events"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    interruptCommand: {
        parameters: {
            query: {
                /** @description The command's id, from its `init` event. */
                id: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    getCommandStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The command's id, from its `init` event. */
                id: components["parameters"]["CommandId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The command's state. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandStatusResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    getCommandLogs: {
        parameters: {
            query?: {
                /**
                 * @description Where to begin, as an offset in bytes: the value of the header in the last response. Beyond the end the
                 *     response is empty; a value that is not a number counts as 0.
                 */
                cursor?: number;
            };
            header?: never;
            path: {
                /** @description The command's id, from its `init` event. */
                id: components["parameters"]["CommandId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The output from the cursor to its present end. */
            200: {
                headers: {
                    /** @description Where to go on, as an offset in bytes. */
                    "EXECD-COMMANDS-TAIL-CURSOR"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    createSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CreateSessionRequest"];
            };
        };
        responses: {
            /** @description The session. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateSessionResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    deleteSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session's id. */
                sessionId: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    runInSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session's id. */
                sessionId: components["parameters"]["SessionId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RunInSessionRequest"];
            };
        };
        responses: {
            200: components["responses"]["Events"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    createTerminal: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CreateTerminalRequest"];
            };
        };
        responses: {
            /** @description The terminal. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateTerminalResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    getTerminal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The terminal's id. */
                terminalId: components["parameters"]["TerminalId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The terminal's state. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TerminalState"];
                };
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
    deleteTerminal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The terminal's id. */
                terminalId: components["parameters"]["TerminalId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
    connectTerminal: {
        parameters: {
            query?: {
                /** @description `0` starts the program with pipes instead of a pseudo-terminal. */
                pty?: "0" | "1";
                /** @description The offset from which kept output is replayed. */
                since?: number;
                /** @description `1` replaces the client that is connected. */
                takeover?: "0" | "1";
                /**
                 * @description `viewer` connects to read only.
                 *
                 *     Needs a server of August 2026 or later.
                 */
                mode?: "viewer";
            };
            header?: never;
            path: {
                /** @description The terminal's id. */
                terminalId: components["parameters"]["TerminalId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection is a WebSocket. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            /**
             * @description Another client is connected (`ALREADY_CONNECTED`), or there is nothing to view
             *     (`VIEWER_REQUIRES_RUNNING_SESSION`).
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    deleteFiles: {
        parameters: {
            query: {
                /** @description The paths. The parameter is repeated for each (`path=/a&path=/b`). */
                path: components["parameters"]["Paths"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    getFilesInfo: {
        parameters: {
            query: {
                /** @description The paths. The parameter is repeated for each (`path=/a&path=/b`). */
                path: components["parameters"]["Paths"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["FileInfoByPath"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    moveFiles: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Moves"];
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    setPermissions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["PermissionsByPath"];
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    searchFiles: {
        parameters: {
            query: {
                /** @description The directory's path. */
                path: components["parameters"]["Directory"];
                /**
                 * @description What the name of a file, without its directories, must be like: `*`, `?`, `[ab]`, `{a,b}`. Upper and
                 *     lower case differ. A pattern with a directory in it (`a/*`) finds nothing.
                 */
                pattern?: components["parameters"]["Pattern"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["FileInfoList"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    replaceInFiles: {
        parameters: {
            query?: {
                /** @description Returns how often the text was found. Older servers ignore it and respond without a body. */
                verbose?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["ReplacementsByPath"];
        responses: {
            200: components["responses"]["ReplacedCounts"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    uploadFiles: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Upload"];
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    downloadFile: {
        parameters: {
            query: {
                /** @description The file's path. */
                path: components["parameters"]["Path"];
                /** @description The first line to read, from 1. Beyond the end the response is empty. */
                offset?: components["parameters"]["LineOffset"];
                /** @description How many lines to read at most. */
                limit?: components["parameters"]["LineLimit"];
            };
            header?: {
                /**
                 * @description Only these bytes, as in `bytes=0-99`, `bytes=100-` or `bytes=-10`. Of several ranges the first counts.
                 * @example bytes=0-1023
                 */
                Range?: components["parameters"]["Range"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file's bytes, or, as text, the requested lines. */
            200: {
                headers: {
                    "Content-Disposition": components["headers"]["ContentDisposition"];
                    "Content-Length": components["headers"]["ContentLength"];
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": Blob;
                    "text/plain": string;
                };
            };
            /** @description The requested bytes; only the first range is returned. */
            206: {
                headers: {
                    "Content-Length": components["headers"]["ContentLength"];
                    "Content-Range": components["headers"]["ContentRange"];
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": Blob;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            /** @description The range has no byte of the file, or is malformed. */
            416: {
                headers: {
                    "Content-Range": components["headers"]["ContentRange"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                    "text/plain": string;
                };
            };
            500: components["responses"]["RuntimeError"];
        };
    };
    createDirectories: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["PermissionsByPath"];
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    deleteDirectories: {
        parameters: {
            query: {
                /** @description The paths. The parameter is repeated for each (`path=/a&path=/b`). */
                path: components["parameters"]["Paths"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    listDirectory: {
        parameters: {
            query: {
                /** @description The directory's path. */
                path: components["parameters"]["Directory"];
                /** @description How many levels to list. 0 lists nothing, less than 0 is 400. */
                depth?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["FileInfoList"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Metrics"];
                };
            };
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    watchMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics, one sample per line. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["Metrics"];
                };
            };
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
        };
    };
    getIsolationCapabilities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The available features. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CapabilitiesResponse"];
                };
            };
            401: components["responses"]["Unauthorized"];
        };
    };
    createIsolatedSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateIsolatedSessionRequest"];
            };
        };
        responses: {
            /** @description The session. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IsolatedCreateSessionResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listIsolatedSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sessions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListIsolatedSessionsResponse"];
                };
            };
            401: components["responses"]["Unauthorized"];
            503: components["responses"]["Unavailable"];
        };
    };
    getIsolatedSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session's state. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionState"];
                };
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteIsolatedSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    runInIsolatedSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IsolatedRunRequest"];
            };
        };
        responses: {
            200: components["responses"]["Events"];
            /**
             * @description It runs in the background.
             *
             *     Needs a server of September 2026 or later.
             */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IsolatedBackgroundRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    getIsolatedRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
                /** @description The background run's id. */
                runId: components["parameters"]["IsolatedRunId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The run's state. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IsolatedRunState"];
                };
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    getIsolatedRunLogs: {
        parameters: {
            query?: {
                /** @description Where to begin, as an offset in bytes. A value that is not a number is 400. */
                cursor?: number;
            };
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
                /** @description The background run's id. */
                runId: components["parameters"]["IsolatedRunId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The output from the cursor to its present end. */
            200: {
                headers: {
                    /** @description Where to go on, as an offset in bytes. */
                    "EXECD-ISOLATED-TAIL-CURSOR"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    diffIsolatedSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            401: components["responses"]["Unauthorized"];
            503: components["responses"]["Unavailable"];
        };
    };
    commitIsolatedSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            401: components["responses"]["Unauthorized"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteIsolatedFiles: {
        parameters: {
            query: {
                /** @description The paths. The parameter is repeated for each (`path=/a&path=/b`). */
                path: components["parameters"]["Paths"];
            };
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getIsolatedFilesInfo: {
        parameters: {
            query: {
                /** @description The paths. The parameter is repeated for each (`path=/a&path=/b`). */
                path: components["parameters"]["Paths"];
            };
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["FileInfoByPath"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    moveIsolatedFiles: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Moves"];
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    setIsolatedPermissions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["PermissionsByPath"];
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    searchIsolatedFiles: {
        parameters: {
            query: {
                /** @description The directory's path. */
                path: components["parameters"]["Directory"];
                /**
                 * @description What the name of a file, without its directories, must be like: `*`, `?`, `[ab]`, `{a,b}`. Upper and
                 *     lower case differ. A pattern with a directory in it (`a/*`) finds nothing.
                 */
                pattern?: components["parameters"]["Pattern"];
            };
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["FileInfoList"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            503: components["responses"]["Unavailable"];
        };
    };
    replaceInIsolatedFiles: {
        parameters: {
            query?: {
                /** @description Returns how often the text was found. */
                verbose?: boolean;
            };
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["ReplacementsByPath"];
        responses: {
            200: components["responses"]["ReplacedCounts"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    uploadIsolatedFiles: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Upload"];
        responses: {
            200: components["responses"]["Empty"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    downloadIsolatedFile: {
        parameters: {
            query: {
                /** @description The file's path. */
                path: components["parameters"]["Path"];
                /** @description The first line to read, from 1. Beyond the end the response is empty. */
                offset?: components["parameters"]["LineOffset"];
                /** @description How many lines to read at most. */
                limit?: components["parameters"]["LineLimit"];
            };
            header?: {
                /**
                 * @description Only these bytes, as in `bytes=0-99`, `bytes=100-` or `bytes=-10`. Of several ranges the first counts.
                 * @example bytes=0-1023
                 */
                Range?: components["parameters"]["Range"];
            };
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file's bytes, or, as text, the requested lines. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": Blob;
                    "text/plain": string;
                };
            };
            /** @description The requested bytes; only the first range is returned. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": Blob;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    createIsolatedDirectories: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["PermissionsByPath"];
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteIsolatedDirectories: {
        parameters: {
            query: {
                /** @description The paths. The parameter is repeated for each (`path=/a&path=/b`). */
                path: components["parameters"]["Paths"];
            };
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Empty"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["RuntimeError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listIsolatedDirectory: {
        parameters: {
            query: {
                /** @description The directory's path. */
                path: components["parameters"]["Directory"];
                /** @description How many levels to list. 0 lists nothing, less than 0 is 400. */
                depth?: number;
            };
            header?: never;
            path: {
                /** @description The isolated session's id. */
                sessionId: components["parameters"]["IsolatedSessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["FileInfoList"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
}
