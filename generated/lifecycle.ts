/**
 * OpenSandbox lifecycle server: types and client.
 *
 * Made from openapi/lifecycle.yaml. Do not edit: change the document, and run `npm run generate`.
 */
import createClient, { type Client, type ClientOptions } from "openapi-fetch";

/** A typed `fetch` client of OpenSandbox lifecycle server. */
export type LifecycleClient = Client<paths>;

/** Creates a client; its methods take the path of an operation, as in `client.GET("/path", { params, … })`. */
export function createLifecycleClient(options: ClientOptions): LifecycleClient {
  return createClient<paths>(options);
}

export interface paths {
    "/sandboxes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List sandboxes
         * @description Lists sandboxes, the youngest first, one page at a time. A page beyond the last is empty. Filters are
         *     combined: a sandbox must match all of them. Sandboxes that have expired or were deleted are not
         *     listed.
         */
        get: operations["listSandboxes"];
        put?: never;
        /**
         * Create a sandbox
         * @description Creates a sandbox from exactly one of `image`, `snapshotId` and `templateId`.
         *
         *     On Docker the response comes once the container runs, so an image that is still to be pulled makes the
         *     request take minutes. The status is 202 all the same, the state usually `Running`, and `Location` is
         *     not sent. There is no idempotency key: a client that stops waiting cannot tell whether a sandbox
         *     exists.
         *
         *     Failures to expect besides those of the parameters: 404 for an unknown snapshot or pool, 409 for a
         *     snapshot that is not `Ready`, 429 when a pool is empty, 500 `...IMAGE_PULL_FAILED`, 504
         *     `...POD_READY_TIMEOUT`.
         */
        post: operations["createSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        /**
         * Describe a sandbox
         * @description Describes one sandbox. One that has expired or was deleted is 404.
         */
        get: operations["getSandbox"];
        put?: never;
        post?: never;
        /**
         * End a sandbox
         * @description Ends a sandbox with everything in it; this cannot be undone. A second deletion is 404, and so is the
         *     repetition of one whose response was lost.
         */
        delete: operations["deleteSandbox"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxId}/metadata": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change a sandbox's metadata
         * @description Merges the body into the metadata and responds with the whole sandbox. On Docker a key that was deleted
         *     comes back with the next change, unless that one deletes it again. There is no guard against two
         *     clients changing the same sandbox at once.
         */
        patch: operations["patchSandboxMetadata"];
        trace?: never;
    };
    "/sandboxes/{sandboxId}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause a sandbox
         * @description Freezes a running sandbox; its expiry is not put off. On Docker it is paused when the response comes, on
         *     Kubernetes some time after. To pause a paused one is 500 `DOCKER::SANDBOX_PAUSE_FAILED` on Docker and
         *     409 on Kubernetes, where a kind of workload that cannot be paused is 400.
         */
        post: operations["pauseSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxId}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume a paused sandbox
         * @description Resumes a paused sandbox. On Docker it runs when the response arrives, on Kubernetes some time later.
         *     Its endpoints may be others than before. One that is not paused is 409.
         */
        post: operations["resumeSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxId}/renew-expiration": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set when a sandbox ends by itself
         * @description Sets the instant at which the sandbox ends by itself. It only has to be in the future (otherwise 400
         *     `...INVALID_EXPIRATION`): an instant before the present one is accepted and shortens the life, and the
         *     server's maximum for new sandboxes is not applied. A sandbox that was created without a timeout can
         *     never be given one (409).
         */
        post: operations["renewSandboxExpiration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxId}/endpoints/{port}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
                /** @description A port inside the sandbox, in decimal. A server does not need to listen on it yet. */
                port: number;
            };
            cookie?: never;
        };
        /**
         * Say where a port of a sandbox is reached
         * @description Gives the address of a port and the headers that requests to it need. It also responds for a paused
         *     sandbox, and for a port that nothing listens on. On Kubernetes 404 `KUBERNETES::POD_IP_NOT_AVAILABLE`
         *     means "not yet". A port out of range is 400, one that is not a number 422. For a sandbox from a template,
         *     servers of September 2026 and later add the header `OPEN-SANDBOX-ORIGIN: template`: it has no egress sidecar
         *     on port 18080; see `getSandboxNetworkPolicy`.
         */
        get: operations["getSandboxEndpoint"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxId}/networkpolicy": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        /**
         * Describe a sandbox's network policy
         * @description Returns the rules that are in force. Sandboxes from a template have only this route; for the others it passes
         *     requests on to the egress sidecar, whose errors are plain text.
         *
         *     Needs a server of September 2026 or later.
         */
        get: operations["getSandboxNetworkPolicy"];
        /**
         * Replace a sandbox's network policy
         * @description Replaces all rules and the default action.
         *
         *     Needs a server of September 2026 or later.
         */
        put: operations["replaceSandboxNetworkPolicy"];
        post?: never;
        /**
         * Delete rules of a sandbox's network policy by their targets
         * @description Deletes the rules for these targets. Succeeds if there is none.
         *
         *     Needs a server of September 2026 or later.
         */
        delete: operations["deleteSandboxNetworkRules"];
        options?: never;
        head?: never;
        /**
         * Add rules to a sandbox's network policy
         * @description Adds rules, in place of those with the same target. If two rules of the request have the same target, the
         *     first one counts. The default action stays.
         *
         *     Needs a server of September 2026 or later.
         */
        patch: operations["patchSandboxNetworkPolicy"];
        trace?: never;
    };
    "/sandboxes/{sandboxId}/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Save a sandbox's file system
         * @description Begins to save a `Running` sandbox; in another state it is 409 `SNAPSHOT::INVALID_SOURCE_STATE`. The
         *     response arrives at once with the state `Creating`; look the snapshot up until it is `Ready` or `Failed`.
         *     No body is the same as an empty object.
         */
        post: operations["createSnapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List snapshots
         * @description Lists snapshots, one page at a time. Filters are combined; a page beyond the last is empty.
         */
        get: operations["listSnapshots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/snapshots/{snapshotId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The snapshot's id. */
                snapshotId: string;
            };
            cookie?: never;
        };
        /**
         * Describe a snapshot
         * @description Describes one snapshot. An unknown one is 404 `SNAPSHOT::NOT_FOUND`.
         */
        get: operations["getSnapshot"];
        put?: never;
        post?: never;
        /**
         * Delete a snapshot
         * @description Deletes a snapshot. Sandboxes that were created from it live on. While it is still being made it is
         *     409 `SNAPSHOT::INVALID_STATE`.
         */
        delete: operations["deleteSnapshot"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List templates
         * @description Lists the templates of the key's tenant, one page at a time.
         *
         *     Needs a server of September 2026 or later.
         */
        get: operations["listTemplates"];
        put?: never;
        /**
         * Create a template
         * @description Begins to build a template from an image. The response arrives at once with the phase `Pending`; look the
         *     template up until it is `Succeeded` or `Failed`. Fields that the server does not know are 422. Servers on
         *     Docker do not have templates.
         *
         *     Needs a server of September 2026 or later.
         */
        post: operations["createTemplate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates/{templateId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The template's id. */
                templateId: string;
            };
            cookie?: never;
        };
        /**
         * Describe a template
         * @description Describes one template. An unknown one, and one of another tenant, is 404.
         *
         *     Needs a server of September 2026 or later.
         */
        get: operations["getTemplate"];
        put?: never;
        post?: never;
        /**
         * Delete a template
         * @description Deletes a template. Sandboxes that were created from it live on.
         *
         *     Needs a server of September 2026 or later.
         */
        delete: operations["deleteTemplate"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Report how a creation went for the client
         * @description Tells the server how long a creation took until the sandbox could be used. The client is named by its
         *     `User-Agent`. Servers know it under `/v1` only; older ones respond with 404.
         *
         *     Needs a server of July 2026 or later.
         */
        post: operations["reportMetricsEvent"];
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
        /**
         * @description What to create. `image` needs an `entrypoint`, and without `extensions.poolRef` there must be
         *     `resourceLimits`; both are 422 otherwise.
         */
        CreateSandboxRequest: {
            /** @description What to run. Either this or `snapshotId`. */
            image?: components["schemas"]["ImageSpec"];
            /** @description The snapshot to start from; it must be `Ready`. Either this or `image`. */
            snapshotId?: string;
            /**
             * @description The template to start from; it must have `Succeeded`. It needs a `timeout`, and besides it only
             *     `metadata`, `networkPolicy` and `extensions` may be given. Anything else is 422.
             *
             *     Needs a server of September 2026 or later.
             */
            templateId?: string;
            /**
             * @description The program and its arguments, instead of the image's own. It is needed with `image`; with
             *     `snapshotId` the server takes `tail -f /dev/null`, which starts no kernels.
             */
            entrypoint?: string[];
            /**
             * @description Seconds until the sandbox ends by itself. Null, or no value, means no limit, which cannot be
             *     changed later. A server may have a maximum (400).
             */
            timeout?: number | null;
            /** @description Environment variables of the sandbox's programs. */
            env?: {
                [key: string]: string;
            };
            /**
             * @description Labels to find the sandbox by, under Kubernetes' rules: values of at most 63 letters, digits, `-`,
             *     `_` and `.`. Keys that begin with `opensandbox.io/` are reserved. What breaks the rules is 400
             *     `SANDBOX::INVALID_METADATA_LABEL`.
             */
            metadata?: {
                [key: string]: string;
            };
            /** @description The most that the sandbox may use. */
            resourceLimits?: components["schemas"]["ResourceLimits"];
            /**
             * @description What Kubernetes sets aside for the sandbox. Docker ignores it, and so do older servers.
             *
             *     Needs a server of July 2026 or later.
             */
            resourceRequests?: components["schemas"]["ResourceLimits"];
            /** @description Which variant of the image to run. */
            platform?: components["schemas"]["PlatformSpec"];
            /**
             * @description Which hosts the sandbox may reach. Docker needs its bridge network and an egress image for it;
             *     otherwise it is 400.
             */
            networkPolicy?: components["schemas"]["NetworkPolicy"];
            /** @description Puts credentials into outgoing requests outside the sandbox. It needs a `networkPolicy`. */
            credentialProxy?: components["schemas"]["CredentialProxyConfig"];
            /**
             * @description Makes every port ask for a header that `getSandboxEndpoint` gives. Kubernetes only; Docker is 400.
             * @default false
             */
            secureAccess?: boolean;
            /** @description What to mount. Two volumes of one name are 400. */
            volumes?: components["schemas"]["Volume"][];
            /**
             * @description Commands to run before the sandbox's program starts, and from time to time. Not for pools.
             *
             *     Needs a server of August 2026 or later.
             */
            lifecycle?: components["schemas"]["SandboxLifecycle"];
            /**
             * @description Settings of single runtimes, such as `poolRef`, `access.renew.extend.seconds` and
             *     `bootstrap.execd.isolation`. Keys that begin with `opensandbox.extensions.` come back in responses;
             *     others that the server does not know are ignored.
             */
            extensions?: {
                [key: string]: string;
            };
        };
        /**
         * @description Commands that the sandbox runs by itself.
         *
         *     Needs a server of August 2026 or later.
         */
        SandboxLifecycle: {
            /** @description Before the sandbox's program starts. */
            preStart?: components["schemas"]["PreStartHook"];
            /** @description From time to time. */
            periodic?: components["schemas"]["PeriodicHook"][];
        };
        /**
         * @description A command that runs before the sandbox's program starts.
         *
         *     Needs a server of August 2026 or later.
         */
        PreStartHook: {
            /** @description The program and its arguments. */
            command: string[];
            /**
             * @description Seconds after which it is ended.
             * @default 60
             */
            timeoutSeconds?: number;
        };
        /**
         * @description A command that runs from time to time.
         *
         *     Needs a server of August 2026 or later.
         */
        PeriodicHook: {
            /** @description Names the command. */
            name: string;
            /** @description When it runs, as a cron expression of five fields. */
            schedule: string;
            /** @description The program and its arguments. */
            command: string[];
            /** @description Seconds after which it is ended. */
            timeoutSeconds?: number;
        };
        /** @description A container image. */
        ImageSpec: {
            /** @description As a container engine names it, such as `python:3.11`. */
            uri: string;
            /** @description The credentials for the image's registry; both values or none. Responses never contain them. */
            auth?: {
                /** @description The account. */
                username?: string;
                /** @description Its password or token. */
                password?: string;
            };
        };
        /** @description An operating system and a processor. A server without such a machine responds with 400. */
        PlatformSpec: {
            /**
             * @description The operating system.
             * @enum {string}
             */
            os: "linux" | "windows";
            /**
             * @description The processor.
             * @enum {string}
             */
            arch: "amd64" | "arm64";
        };
        /**
         * @description Amounts by resource, always as strings: `cpu` in processors (`1`, `500m`), `memory` in bytes (`512Mi`,
         *     `2Gi`), `gpu` (`1`, `all`). Docker ignores amounts that it cannot read.
         */
        ResourceLimits: {
            [key: string]: string;
        };
        /** @description Which hosts the sandbox may reach. */
        NetworkPolicy: {
            /**
             * @description What happens to hosts that no rule names.
             * @enum {string}
             */
            defaultAction?: "allow" | "deny";
            /** @description The rules. */
            egress?: components["schemas"]["NetworkRule"][];
        };
        /** @description One rule for outgoing connections. */
        NetworkRule: {
            /**
             * @description What happens to the hosts it names.
             * @enum {string}
             */
            action: "allow" | "deny";
            /** @description A host name, `*.` and a domain, an address or a range of addresses. */
            target: string;
        };
        /**
         * @description The policy, and how it is enforced.
         *
         *     Needs a server of September 2026 or later.
         */
        PolicyStatusResponse: {
            /** @description `ok`. */
            status?: string;
            /** @description The policy in a word, `allow_all`, `deny_all` or `enforcing`. */
            mode?: string;
            /**
             * @description `dns` refuses the names of hosts; a program that knows an address gets round it. `dns+nft` also refuses
             *     connections.
             */
            enforcementMode?: string;
            /** @description A sentence for people about what was done. */
            reason?: string;
            /** @description The rules. */
            policy?: components["schemas"]["NetworkPolicy"];
        };
        /** @description Whether credentials are put into outgoing requests outside the sandbox. */
        CredentialProxyConfig: {
            /**
             * @description Turns it on. The server's egress must be able to (mode `dns+nft`); otherwise it is 400.
             * @default false
             */
            enabled?: boolean;
        };
        /** @description Something mounted into the sandbox, from exactly one of `host`, `pvc` and `ossfs`. */
        Volume: {
            /** @description Names the volume among the sandbox's own. */
            name: string;
            /** @description A directory of the machine that the sandbox runs on. */
            host?: components["schemas"]["Host"];
            /** @description A claim on Kubernetes, a named volume on Docker. */
            pvc?: components["schemas"]["PVC"];
            /** @description A bucket of Alibaba Cloud's object storage. */
            ossfs?: components["schemas"]["OSSFS"];
            /** @description Where in the sandbox, as an absolute path. */
            mountPath: string;
            /** @description Mounts only this part of the volume. `..` is 400 `VOLUME::INVALID_SUB_PATH`. */
            subPath?: string;
            /**
             * @description Forbids writing.
             * @default false
             */
            readOnly?: boolean;
        };
        /** @description A directory of the machine that the sandbox runs on. */
        Host: {
            /**
             * @description An absolute path. Outside of what the server allows, which by default is nothing, it is 400
             *     `VOLUME::HOST_PATH_NOT_ALLOWED`.
             */
            path: string;
        };
        /** @description A claim on Kubernetes, a named volume on Docker. */
        PVC: {
            /** @description The claim's, or the volume's, name. */
            claimName: string;
            /**
             * @description Creates it if it does not exist.
             * @default true
             */
            createIfNotExists?: boolean;
            /**
             * @description Deletes it with the sandbox, if it was created for it.
             * @default false
             */
            deleteOnSandboxTermination?: boolean;
            /** @description For a claim that is created, the class of its storage; null is the cluster's default. */
            storageClass?: string | null;
            /** @description For a claim that is created, its size in bytes, such as `10Gi`. */
            storage?: string | null;
            /** @description For a claim that is created, how it may be mounted, such as `ReadWriteOnce`. */
            accessModes?: string[] | null;
        };
        /** @description A bucket of Alibaba Cloud's object storage. */
        OSSFS: {
            /** @description The bucket's name. */
            bucket: string;
            /** @description The storage's host. */
            endpoint: string;
            /**
             * @description Which major version of the ossfs driver mounts it.
             * @default 2.0
             * @enum {string}
             */
            version?: "1.0" | "2.0";
            /** @description Further options of the driver, without leading dashes. */
            options?: string[];
            /** @description The account's key. */
            accessKeyId: string;
            /** @description The key's secret. */
            accessKeySecret: string;
        };
        /** @description The created sandbox. Only `GET` also returns `image` and `snapshotId`. */
        CreateSandboxResponse: {
            /** @description Names the sandbox in all other operations. */
            id: string;
            /** @description Where the sandbox is in its life, mostly `Running` by now. */
            status: components["schemas"]["SandboxStatus"];
            /** @description As requested. */
            platform?: components["schemas"]["PlatformSpec"];
            /** @description As requested; left out if there are none. */
            metadata?: {
                [key: string]: string;
            };
            /**
             * @description Those that begin with `opensandbox.extensions.`. Older servers leave them out.
             *
             *     Needs a server of July 2026 or later.
             */
            extensions?: {
                [key: string]: string;
            };
            /** @description The program that runs, with its arguments. */
            entrypoint: string[];
            /**
             * Format: date-time
             * @description When the sandbox ends by itself; left out when it does not.
             */
            expiresAt?: string;
            /**
             * Format: date-time
             * @description When it was created. What is looked up later may differ by milliseconds.
             */
            createdAt: string;
        };
        /** @description A sandbox as the server knows it. */
        Sandbox: {
            /** @description Names the sandbox in all other operations. */
            id: string;
            /** @description Where the sandbox is in its life. */
            status: components["schemas"]["SandboxStatus"];
            /** @description What it was created from, without `auth`. */
            image?: components["schemas"]["ImageSpec"];
            /** @description The snapshot that it was created from. */
            snapshotId?: string;
            /**
             * @description The digest of the image that runs, such as `sha256:…`. Its exact form is not confirmed.
             *
             *     Needs a server of November 2026 or later.
             */
            resolvedImageDigest?: string;
            /**
             * @description The pool that it comes from; left out for the others, and until that is confirmed.
             *
             *     Needs a server of August 2026 or later.
             */
            allocation?: components["schemas"]["Allocation"];
            /** @description As requested. */
            platform?: components["schemas"]["PlatformSpec"];
            /** @description The labels; left out when there are none. */
            metadata?: {
                [key: string]: string;
            };
            /**
             * @description Those that begin with `opensandbox.extensions.`. Older servers leave them out.
             *
             *     Needs a server of July 2026 or later.
             */
            extensions?: {
                [key: string]: string;
            };
            /**
             * @description The program that runs, with its arguments. Servers leave it out for sandboxes from pools and
             *     snapshots, although the contract requires it.
             */
            entrypoint?: string[];
            /**
             * Format: date-time
             * @description When the sandbox ends by itself; left out when it does not.
             */
            expiresAt?: string;
            /**
             * Format: date-time
             * @description When it was created.
             */
            createdAt: string;
        };
        /**
         * @description Where a sandbox comes from.
         *
         *     Needs a server of August 2026 or later.
         */
        Allocation: {
            /** @description `pool`. */
            mode: string;
            /** @description The pool's name. */
            poolRef: string;
            /** @description `allocated`. */
            state: string;
        };
        /** @description Where a sandbox is in its life, and why. */
        SandboxStatus: {
            /** @description The state. */
            state: components["schemas"]["SandboxState"];
            /** @description A word for programs, such as `CONTAINER_RUNNING`. */
            reason?: string;
            /** @description A sentence for people. */
            message?: string;
            /**
             * Format: date-time
             * @description When it came into this state.
             */
            lastTransitionAt?: string;
        };
        /**
         * @description `Pending`, `Running`, `Pausing`, `Paused`, `Resuming`, `Stopping`, `Terminated`, `Failed`; Docker also
         *     reports `Unknown`. Others may come. `Terminated` and `Failed` are final; mostly a sandbox that has
         *     ended is just gone.
         * @example Running
         * @example Paused
         */
        SandboxState: string;
        /** @description One page of sandboxes. */
        ListSandboxesResponse: {
            /** @description The sandboxes, the youngest first. */
            items: components["schemas"]["Sandbox"][];
            /** @description Which page this is. */
            pagination: components["schemas"]["PaginationInfo"];
        };
        /** @description The number of this page and the total number of pages. */
        PaginationInfo: {
            /** @description This page, from 1. */
            page: number;
            /** @description The most items that a page has. */
            pageSize: number;
            /** @description How many items match, on all pages. */
            totalItems: number;
            /** @description How many pages they make; 0 when nothing matches. */
            totalPages: number;
            /** @description Whether there is a page after this one. */
            hasNextPage: boolean;
        };
        /**
         * @description Metadata to set, by key; null deletes the key, and keys that are not named stay. A reserved key is 400
         *     `INVALID_METADATA_LABEL`, a value against the rules 400 `SANDBOX::INVALID_METADATA_LABEL`.
         */
        PatchSandboxMetadataRequest: {
            [key: string]: string | null;
        };
        /** @description When the sandbox is to end by itself. */
        RenewSandboxExpirationRequest: {
            /**
             * Format: date-time
             * @description An absolute instant, in the future. Without an offset it is read as UTC.
             */
            expiresAt: string;
        };
        /** @description When the sandbox ends by itself. */
        RenewSandboxExpirationResponse: {
            /**
             * Format: date-time
             * @description The instant that holds now, in UTC.
             */
            expiresAt: string;
        };
        /** @description Where a port of a sandbox is reached. */
        Endpoint: {
            /**
             * @description A host, mostly with a port and perhaps with a path, and no scheme: `127.0.0.1:44772`,
             *     `10.0.0.5:40001/proxy/8080`. A server whose external address was configured with a scheme gives
             *     that one.
             */
            endpoint: string;
            /**
             * @description Headers that every request there must carry. They may be credentials. Left out when there are
             *     none.
             */
            headers?: {
                [key: string]: string;
            };
        };
        /** @description How to save a sandbox. */
        CreateSnapshotRequest: {
            /** @description A name for the snapshot, which need not be unique. */
            name?: string;
        };
        /** @description A saved file system. */
        Snapshot: {
            /** @description Names the snapshot in all other operations. */
            id: string;
            /** @description The sandbox that it was made of. */
            sandboxId: string;
            /** @description The name that it was given; left out when it has none. */
            name?: string;
            /** @description Where the snapshot is in its life. */
            status: components["schemas"]["SnapshotStatus"];
            /**
             * Format: date-time
             * @description When it was asked for.
             */
            createdAt: string;
        };
        /** @description Where a snapshot is in its life, and why. */
        SnapshotStatus: {
            /** @description The state. */
            state: components["schemas"]["SnapshotState"];
            /** @description A word for programs, such as `snapshot_accepted`. */
            reason?: string;
            /** @description A sentence for people. */
            message?: string;
            /**
             * Format: date-time
             * @description When it came into this state.
             */
            lastTransitionAt?: string;
        };
        /**
         * @description `Creating`, `Ready`, `Failed`, `Deleting`. Others may come.
         * @example Creating
         * @example Ready
         */
        SnapshotState: string;
        /** @description One page of snapshots. */
        ListSnapshotsResponse: {
            /** @description The snapshots. */
            items: components["schemas"]["Snapshot"][];
            /** @description Which page this is. */
            pagination: components["schemas"]["PaginationInfo"];
        };
        /**
         * @description What to build.
         *
         *     Needs a server of September 2026 or later.
         */
        CreateTemplateRequest: {
            /** @description The image to build from, as a container engine names it. */
            image: string;
            /** @description Where the server stores what is built, such as `s3://bucket/path`. */
            publish: string;
            /** @description The sandboxes' `cpu`, `memory` and `disk`; by default `1`, `512Mi` and `2Gi`. */
            resourceLimits?: components["schemas"]["ResourceLimits"];
            /** @description The sandboxes' program and its arguments, by default `tail -f /dev/null`. */
            entrypoint?: string[];
            /** @description Labels to find the template by, under the rules of sandboxes' metadata. */
            metadata?: {
                [key: string]: string;
            };
            /** @description When the built sandbox is taken for ready. */
            readiness?: components["schemas"]["TemplateReadiness"];
            /**
             * @description How the result is stored.
             * @default overlaybd
             * @enum {string}
             */
            format?: "native" | "overlaybd";
        };
        /**
         * @description When a sandbox that is being built is taken for ready.
         *
         *     Needs a server of September 2026 or later.
         */
        TemplateReadiness: {
            /** @description What is checked first, such as `tcp://127.0.0.1:44772` or `cmd://` and a command. */
            probe?: string;
            /** @description Seconds to wait if there is no probe, or it fails. 60 by default. */
            warmupSeconds?: number;
        };
        /**
         * @description An image that is prepared once.
         *
         *     Needs a server of September 2026 or later.
         */
        Template: {
            /** @description Names the template in all other operations. */
            templateId: string;
            /** @description The image that it is built from. */
            image: string;
            /** @description As requested. */
            resourceLimits?: components["schemas"]["ResourceLimits"];
            /** @description As requested. */
            entrypoint?: string[];
            /** @description As requested. */
            metadata?: {
                [key: string]: string;
            };
            /** @description As requested. */
            readiness?: components["schemas"]["TemplateReadiness"];
            /** @description As requested. */
            publish: string;
            /** @description As requested. */
            format: string;
            /** @description How far it has been built. */
            status: components["schemas"]["TemplateStatus"];
            /**
             * Format: date-time
             * @description When it was created.
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updatedAt: string;
        };
        /**
         * @description How far a template has been built.
         *
         *     Needs a server of September 2026 or later.
         */
        TemplateStatus: {
            /**
             * @description `Pending`, `Building`, `Succeeded` or `Failed`. Others may come.
             * @example Pending
             * @example Succeeded
             */
            phase: string;
            /** @description Where the result is, once it has succeeded. */
            manifestRef?: string;
            /** @description Why it failed. */
            message?: string;
        };
        /**
         * @description One page of templates.
         *
         *     Needs a server of September 2026 or later.
         */
        ListTemplatesResponse: {
            /** @description The templates. */
            items: components["schemas"]["Template"][];
            /** @description Which page this is. */
            pagination: components["schemas"]["PaginationInfo"];
        };
        /**
         * @description How one creation went for the client.
         *
         *     Needs a server of July 2026 or later.
         */
        MetricsEvent: {
            /**
             * @description What is reported.
             * @enum {string}
             */
            eventType: "sandbox.create";
            /** @description The sandbox, if its id is known. */
            sandboxId?: string;
            /** @description The image that was asked for. */
            image?: string;
            /** @description Milliseconds from the client's call until the sandbox could be used, or until the failure. */
            createDurationMs: number;
            /** @description Whether it could be used. */
            success: boolean;
        };
        /** @description What went wrong. */
        ErrorResponse: {
            /** @description A word for programs, such as `DOCKER::SANDBOX_NOT_FOUND`. */
            code: string;
            /** @description A sentence for people. */
            message: string;
        };
        /** @description What is wrong with the shape of a request. */
        ValidationErrorResponse: {
            /** @description One entry for each fault. */
            detail: components["schemas"]["ValidationErrorItem"][];
        };
        /** @description One fault in the shape of a request. */
        ValidationErrorItem: {
            /** @description A word for programs, such as `missing` or `greater_than_equal`. */
            type: string;
            /** @description The way to the fault, such as `["body", "timeout"]` or `["body", "volumes", 0]`. */
            loc: (string | number)[];
            /** @description A sentence for people. */
            msg: string;
            /** @description The value that was refused, of any type. It may hold credentials. */
            input?: unknown;
            /** @description What the rule demands, such as `{"ge": 60}`. */
            ctx?: {
                [key: string]: unknown;
            };
        };
    };
    responses: {
        /** @description The sandbox. */
        Sandbox: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Sandbox"];
            };
        };
        /** @description Under way, or done already. The body is empty. */
        Accepted: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description Done. There is no body. */
        NoContent: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description A value is refused, although the request has the right shape. */
        BadRequest: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The API key is missing (`MISSING_API_KEY`) or wrong (`INVALID_API_KEY`). */
        Unauthorized: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The key does not allow this. Current servers never respond with it, but a gateway may. */
        Forbidden: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description It does not exist, no longer exists, or belongs to another tenant. */
        NotFound: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The state of the thing does not allow it. */
        Conflict: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The body or a parameter is missing, malformed, of the wrong type or out of range. */
        InvalidShape: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ValidationErrorResponse"];
            };
        };
        /**
         * @description The pool has no sandbox left. `Retry-After` says when to retry.
         *
         *     Needs a server of August 2026 or later.
         */
        TooManyRequests: {
            headers: {
                /** @description Seconds to wait, or an HTTP date. */
                "Retry-After"?: string;
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The server or its runtime failed. An unhandled failure is plain text and has no request id. */
        InternalError: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
                "text/plain": string;
            };
        };
        /** @description The server's runtime does not have this. */
        NotImplemented: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorResponse"];
            };
        };
        /** @description The policy that holds now. */
        NetworkPolicy: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["PolicyStatusResponse"];
            };
        };
        /** @description The template. */
        Template: {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Template"];
            };
        };
        /** @description The sandbox was not running within the server's own limit. */
        NotReadyInTime: {
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
        /** @description Which page, from 1. */
        Page: number;
        /** @description How many items make a page. Servers refuse more than 200 with 422. */
        PageSize: number;
    };
    requestBodies: never;
    headers: {
        /** @description Names the request in the server's logs. */
        RequestId: string;
        /** @description The URL of the created object. Servers send it for snapshots, not for sandboxes. */
        Location: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listSandboxes: {
        parameters: {
            query?: {
                /**
                 * @description Only sandboxes in one of these states. The parameter is repeated for each
                 *     (`state=Running&state=Paused`); a comma is part of the name. Upper and lower case are the same; an
                 *     unknown state matches nothing.
                 */
                state?: string[];
                /**
                 * @description Only sandboxes with all of these metadata, written as a query string of its own:
                 *     `key=value&key2=value2`, with percent-encoding in keys and values. As this string is then encoded
                 *     once more as the parameter's value, special characters in keys and values are encoded twice. What
                 *     is not of that form is 400 `INVALID_METADATA_FORMAT`.
                 * @example team=a&env=test
                 */
                metadata?: string;
                /** @description Which page, from 1. */
                page?: components["parameters"]["Page"];
                /** @description How many items make a page. Servers refuse more than 200 with 422. */
                pageSize?: components["parameters"]["PageSize"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of sandboxes. */
            200: {
                headers: {
                    "X-Request-ID": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListSandboxesResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    createSandbox: {
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
                 *       "image": {
                 *         "uri": "opensandbox/code-interpreter:v1.1.0"
                 *       },
                 *       "entrypoint": [
                 *         "/opt/code-interpreter/code-interpreter.sh"
                 *       ],
                 *       "timeout": 600,
                 *       "resourceLimits": {
                 *         "cpu": "1",
                 *         "memory": "2Gi"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CreateSandboxRequest"];
            };
        };
        responses: {
            /** @description The sandbox exists. */
            202: {
                headers: {
                    Location: components["headers"]["Location"];
                    "X-Request-ID": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateSandboxResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["InvalidShape"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalError"];
            504: components["responses"]["NotReadyInTime"];
        };
    };
    getSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Sandbox"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["InternalError"];
        };
    };
    deleteSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["NoContent"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            500: components["responses"]["InternalError"];
        };
    };
    patchSandboxMetadata: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "env": "stage",
                 *       "team": null
                 *     }
                 */
                "application/json": components["schemas"]["PatchSandboxMetadataRequest"];
            };
        };
        responses: {
            200: components["responses"]["Sandbox"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    pauseSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: components["responses"]["Accepted"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            500: components["responses"]["InternalError"];
        };
    };
    resumeSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: components["responses"]["Accepted"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            500: components["responses"]["InternalError"];
        };
    };
    renewSandboxExpiration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "expiresAt": "2030-01-01T12:00:00Z"
                 *     }
                 */
                "application/json": components["schemas"]["RenewSandboxExpirationRequest"];
            };
        };
        responses: {
            /** @description The instant that holds now. */
            200: {
                headers: {
                    "X-Request-ID": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RenewSandboxExpirationResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    getSandboxEndpoint: {
        parameters: {
            query?: {
                /**
                 * @description Gives an address at this server, which passes requests on, instead of the sandbox's own. Older
                 *     servers leave out the prefix (`/v1`) under which they were asked. The headers of the response are
                 *     needed there too.
                 */
                use_server_proxy?: boolean;
                /**
                 * @description Asks for a signed address that holds until this instant, in seconds since 1970. Only gateways on
                 *     Kubernetes can do it; elsewhere, and together with `use_server_proxy`, it is 400.
                 */
                expires?: string;
            };
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
                /** @description A port inside the sandbox, in decimal. A server does not need to listen on it yet. */
                port: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where the port is reached. */
            200: {
                headers: {
                    "X-Request-ID": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Endpoint"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    getSandboxNetworkPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["NetworkPolicy"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["InternalError"];
        };
    };
    replaceSandboxNetworkPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "defaultAction": "deny",
                 *       "egress": [
                 *         {
                 *           "action": "allow",
                 *           "target": "pypi.org"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["NetworkPolicy"];
            };
        };
        responses: {
            200: components["responses"]["NetworkPolicy"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    deleteSandboxNetworkRules: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example [
                 *       "*.example.com"
                 *     ]
                 */
                "application/json": string[];
            };
        };
        responses: {
            200: components["responses"]["NetworkPolicy"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    patchSandboxNetworkPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example [
                 *       {
                 *         "action": "allow",
                 *         "target": "*.example.com"
                 *       }
                 *     ]
                 */
                "application/json": components["schemas"]["NetworkRule"][];
            };
        };
        responses: {
            200: components["responses"]["NetworkPolicy"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    createSnapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sandbox's id, as its creation gave it. */
                sandboxId: components["parameters"]["SandboxId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CreateSnapshotRequest"];
            };
        };
        responses: {
            /** @description The snapshot is being made. */
            202: {
                headers: {
                    Location: components["headers"]["Location"];
                    "X-Request-ID": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    listSnapshots: {
        parameters: {
            query?: {
                /** @description Only snapshots of this sandbox, which need not exist any more. */
                sandboxId?: string;
                /**
                 * @description Only snapshots of exactly this name. Older servers ignore it.
                 *
                 *     Needs a server of July 2026 or later.
                 */
                name?: string;
                /** @description Only snapshots in one of these states. The parameter is repeated for each. */
                state?: components["schemas"]["SnapshotState"][];
                /** @description Which page, from 1. */
                page?: components["parameters"]["Page"];
                /** @description How many items make a page. Servers refuse more than 200 with 422. */
                pageSize?: components["parameters"]["PageSize"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of snapshots. */
            200: {
                headers: {
                    "X-Request-ID": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListSnapshotsResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
    getSnapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The snapshot's id. */
                snapshotId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The snapshot. */
            200: {
                headers: {
                    "X-Request-ID": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Snapshot"];
                };
            };
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            500: components["responses"]["InternalError"];
        };
    };
    deleteSnapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The snapshot's id. */
                snapshotId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["NoContent"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            500: components["responses"]["InternalError"];
        };
    };
    listTemplates: {
        parameters: {
            query?: {
                /** @description Only templates with all of these metadata, written as for `listSandboxes`. */
                metadata?: string;
                /** @description Which page, from 1. */
                page?: components["parameters"]["Page"];
                /** @description How many items make a page. Servers refuse more than 200 with 422. */
                pageSize?: components["parameters"]["PageSize"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of templates. */
            200: {
                headers: {
                    "X-Request-ID": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListTemplatesResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
            501: components["responses"]["NotImplemented"];
        };
    };
    createTemplate: {
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
                 *       "image": "python:3.12",
                 *       "publish": "s3://bucket/templates"
                 *     }
                 */
                "application/json": components["schemas"]["CreateTemplateRequest"];
            };
        };
        responses: {
            201: components["responses"]["Template"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
            501: components["responses"]["NotImplemented"];
        };
    };
    getTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The template's id. */
                templateId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Template"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["InternalError"];
            501: components["responses"]["NotImplemented"];
        };
    };
    deleteTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The template's id. */
                templateId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["NoContent"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["InternalError"];
            501: components["responses"]["NotImplemented"];
        };
    };
    reportMetricsEvent: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MetricsEvent"];
            };
        };
        responses: {
            204: components["responses"]["NoContent"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["InvalidShape"];
            500: components["responses"]["InternalError"];
        };
    };
}
