/**
 * OpenSandbox diagnostics: types and client.
 *
 * Made from openapi/diagnostics.yaml. Do not edit: change the document, and run `npm run generate`.
 */
import createClient, { type Client, type ClientOptions } from "openapi-fetch";

/** A typed `fetch` client of OpenSandbox diagnostics. */
export type DiagnosticsClient = Client<paths>;

/** Creates a client; its methods take the path of an operation, as in `client.GET("/path", { params, … })`. */
export function createDiagnosticsClient(options: ClientOptions): DiagnosticsClient {
  return createClient<paths>(options);
}

export interface paths {
    "/sandboxes/{sandboxId}/diagnostics/logs": {
        parameters: {
            query: {
                /** @description Which part of the sandbox is meant, such as `container` or `runtime`; servers have their own. */
                scope: components["parameters"]["Scope"];
            };
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        /**
         * Read the logs of a sandbox
         * @description What a part of the sandbox has printed. A long text may be cut (`truncated`), or be somewhere else
         *     (`contentUrl`).
         */
        get: operations["getDiagnosticLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxId}/diagnostics/events": {
        parameters: {
            query: {
                /** @description Which part of the sandbox is meant, such as `container` or `runtime`; servers have their own. */
                scope: components["parameters"]["Scope"];
            };
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        /**
         * Read the events of a sandbox
         * @description What the runtime has done with the sandbox: created, started, killed for its memory, and so on.
         */
        get: operations["getDiagnosticEvents"];
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
        /** @description A text about a sandbox, or the address of one. */
        DiagnosticContentResponse: {
            /** @description The sandbox that the text is about. */
            sandboxId: string;
            /**
             * @description What was asked for.
             * @enum {string}
             */
            kind: "logs" | "events";
            /** @description The part that was asked for. */
            scope: string;
            /**
             * @description Whether the text is in `content`, or at `contentUrl`.
             * @enum {string}
             */
            delivery: "inline" | "url";
            /** @description The text's media type, such as `text/plain`. */
            contentType: string;
            /** @description The text itself. */
            content?: string;
            /**
             * Format: uri
             * @description Where the text is. Anyone who has the address can read it, until `expiresAt`.
             */
            contentUrl?: string;
            /** @description The length of the whole text in bytes. */
            contentLength?: number;
            /**
             * Format: date-time
             * @description Until when `contentUrl` holds.
             */
            expiresAt?: string;
            /** @description Whether the text is only a part of what there is. */
            truncated: boolean;
            /** @description What went wrong on the way, for people. */
            warnings?: string[];
        };
        /** @description Why a request failed. */
        ErrorResponse: {
            /** @description A word for programs. */
            code: string;
            /** @description A sentence for people. */
            message: string;
        };
    };
    responses: {
        /** @description The text, or where it is. */
        Content: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["DiagnosticContentResponse"];
            };
        };
        /** @description The scope is unknown. */
        BadRequest: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The API key is missing or wrong. */
        Unauthorized: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The key does not allow this. */
        Forbidden: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The sandbox does not exist, or no longer exists. */
        NotFound: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The runtime failed, or could not be asked. */
        InternalError: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The server has no diagnostics of this form (`DIAGNOSTICS_NOT_IMPLEMENTED`). */
        NotImplemented: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
    };
    parameters: {
        /** @description The sandbox's id, as its creation gave it. */
        SandboxId: string;
        /** @description Which part of the sandbox is meant, such as `container` or `runtime`; servers have their own. */
        Scope: string;
    };
    requestBodies: never;
    headers: {
        /** @description Names the request in the server's logs. */
        RequestId: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getDiagnosticLogs: {
        parameters: {
            query: {
                /** @description Which part of the sandbox is meant, such as `container` or `runtime`; servers have their own. */
                scope: components["parameters"]["Scope"];
            };
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Content"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["InternalError"];
            501: components["responses"]["NotImplemented"];
        };
    };
    getDiagnosticEvents: {
        parameters: {
            query: {
                /** @description Which part of the sandbox is meant, such as `container` or `runtime`; servers have their own. */
                scope: components["parameters"]["Scope"];
            };
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Content"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["InternalError"];
            501: components["responses"]["NotImplemented"];
        };
    };
}
