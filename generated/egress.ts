/**
 * OpenSandbox egress sidecar: types and client.
 *
 * Made from openapi/egress.yaml. Do not edit: change the document, and run `npm run generate`.
 */
import createClient, { type Client, type ClientOptions } from "openapi-fetch";

/** A typed `fetch` client of OpenSandbox egress sidecar. */
export type EgressClient = Client<paths>;

/** Creates a client; its methods take the path of an operation, as in `client.GET("/path", { params, … })`. */
export function createEgressClient(options: ClientOptions): EgressClient {
  return createClient<paths>(options);
}

export interface paths {
    "/policy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Describe the network policy
         * @description Returns the rules that are in force.
         */
        get: operations["getEgressPolicy"];
        /**
         * Replace the network policy
         * @description Replaces all rules. An empty body resets the policy to one that denies everything. The response has no
         *     `policy`. The published contract does not have this operation; servers do. `POST` is the same.
         */
        put: operations["replaceEgressPolicy"];
        post?: never;
        /**
         * Delete rules by their targets
         * @description Deletes the rules for these targets. Succeeds if there is none.
         */
        delete: operations["deleteEgressRules"];
        options?: never;
        head?: never;
        /**
         * Add rules
         * @description Puts rules in front of the present ones, and removes those that have the same target. If two rules of the
         *     request have the same target, the first one counts. The default action stays.
         */
        patch: operations["patchEgressPolicy"];
        trace?: never;
    };
    "/credential-vault": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Describe the vault
         * @description Lists credentials and bindings, never a credential's value. Without a vault it is 404.
         */
        get: operations["getCredentialVault"];
        put?: never;
        /**
         * Create the vault
         * @description Stores credentials, and the bindings that say into which requests they are put. If there is a vault
         *     already, it is 409.
         */
        post: operations["createCredentialVault"];
        /**
         * Delete the vault
         * @description Deletes all credentials and bindings. Without a vault it is 404.
         */
        delete: operations["deleteCredentialVault"];
        options?: never;
        head?: never;
        /**
         * Change the vault
         * @description Adds, replaces and deletes credentials and bindings, all or none of them. With `expectedRevision`, a vault
         *     that has changed since is 409.
         */
        patch: operations["patchCredentialVault"];
        trace?: never;
    };
    "/credential-vault/credentials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List credentials
         * @description Lists the credentials without their values.
         */
        get: operations["listCredentials"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/credential-vault/credentials/{credential_name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The credential's name. */
                credential_name: string;
            };
            cookie?: never;
        };
        /**
         * Describe a credential
         * @description Describes a credential without its value.
         */
        get: operations["getCredential"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/credential-vault/bindings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List bindings
         * @description Lists the bindings.
         */
        get: operations["listCredentialBindings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/credential-vault/bindings/{binding_name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The binding's name. */
                binding_name: string;
            };
            cookie?: never;
        };
        /**
         * Describe a binding
         * @description Describes one binding.
         */
        get: operations["getCredentialBinding"];
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
        /** @description Which hosts the sandbox may reach. */
        NetworkPolicy: {
            /**
             * @description What happens to hosts that no rule names.
             * @enum {string}
             */
            defaultAction?: "allow" | "deny";
            /** @description The rules. The first one that names a host counts. */
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
        /** @description The policy, and how it is enforced. */
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
            /** @description The rules. The response to a replaced policy does not have them. */
            policy?: components["schemas"]["NetworkPolicy"];
        };
        /** @description What the vault is to hold. */
        CredentialVaultCreateRequest: {
            /** @description The credentials, with their values. */
            credentials: components["schemas"]["Credential"][];
            /** @description Which requests get which credentials. */
            bindings: components["schemas"]["CredentialBinding"][];
        };
        /** @description What to change in the vault. */
        CredentialVaultMutationRequest: {
            /** @description The revision that the change is meant for. Without it, any will do. */
            expectedRevision?: number;
            /** @description Changes of credentials. */
            credentials?: components["schemas"]["CredentialMutationSet"];
            /** @description Changes of bindings. */
            bindings?: components["schemas"]["CredentialBindingMutationSet"];
        };
        /** @description Changes of credentials. */
        CredentialMutationSet: {
            /** @description New ones. A name that is taken is 409. */
            add?: components["schemas"]["Credential"][];
            /** @description New values for names that are there. */
            replace?: components["schemas"]["Credential"][];
            /** @description Names to delete. */
            delete?: string[];
        };
        /** @description Changes of bindings. */
        CredentialBindingMutationSet: {
            /** @description New ones. A name that is taken is 409. */
            add?: components["schemas"]["CredentialBinding"][];
            /** @description New definitions for names that are there. */
            replace?: components["schemas"]["CredentialBinding"][];
            /** @description Names to delete. */
            delete?: string[];
        };
        /** @description A credential with its value. */
        Credential: {
            /** @description The name that bindings use. */
            name: string;
            /** @description Where the value comes from. */
            source: components["schemas"]["InlineCredentialSource"];
        };
        /** @description The value itself. */
        InlineCredentialSource: {
            /**
             * @description The value is in the request.
             * @enum {string}
             */
            type: "inline";
            /** @description The value. Responses never contain it. */
            value: string;
        };
        /** @description Puts credentials into the requests that it matches. */
        CredentialBinding: {
            /** @description Names the binding. */
            name: string;
            /** @description Which requests. */
            match: components["schemas"]["CredentialMatch"];
            /** @description Which credentials, and where they are put. */
            auth: components["schemas"]["CredentialAuth"];
        };
        /** @description Which requests a binding is for. A request must match all of it. */
        CredentialMatch: {
            /**
             * @description The schemes.
             * @default [
             *       "https"
             *     ]
             */
            schemes?: ("https" | "http")[];
            /**
             * @deprecated
             * @description Only 80 and 443, which go with the schemes, are accepted.
             */
            ports?: number[];
            /** @description Host names, or `*.` and a domain. */
            hosts: string[];
            /**
             * @description The methods.
             * @default [
             *       "GET",
             *       "POST",
             *       "PUT",
             *       "PATCH",
             *       "DELETE"
             *     ]
             */
            methods?: string[];
            /**
             * @description Paths, with `*` for any characters.
             * @default [
             *       "/*"
             *     ]
             */
            paths?: string[];
        };
        /** @description Which credentials are put into a request, and where. */
        CredentialAuth: components["schemas"]["BearerCredentialAuth"] | components["schemas"]["BasicCredentialAuth"] | components["schemas"]["ApiKeyCredentialAuth"] | components["schemas"]["CustomHeadersCredentialAuth"] | components["schemas"]["PassthroughCredentialAuth"];
        /** @description Sends `Authorization: Bearer` and the credential. */
        BearerCredentialAuth: {
            /**
             * @description The kind.
             * @enum {string}
             */
            type: "bearer";
            /** @description The credential's name. */
            credential: string;
            /**
             * @description Replaces placeholders as well.
             *
             *     Needs a server of July 2026 or later.
             */
            substitutions?: components["schemas"]["CredentialSubstitution"][];
        };
        /** @description Sends `Authorization: Basic` and the credential, which is `user:password`. */
        BasicCredentialAuth: {
            /**
             * @description The kind.
             * @enum {string}
             */
            type: "basic";
            /** @description The credential's name. */
            credential: string;
            /**
             * @description Replaces placeholders as well.
             *
             *     Needs a server of July 2026 or later.
             */
            substitutions?: components["schemas"]["CredentialSubstitution"][];
        };
        /** @description Sends the credential in a header. */
        ApiKeyCredentialAuth: {
            /**
             * @description The kind.
             * @enum {string}
             */
            type: "apiKey";
            /** @description The header's name. */
            name: string;
            /** @description The credential's name. */
            credential: string;
            /**
             * @description Replaces placeholders as well.
             *
             *     Needs a server of July 2026 or later.
             */
            substitutions?: components["schemas"]["CredentialSubstitution"][];
        };
        /** @description Sends credentials in several headers. */
        CustomHeadersCredentialAuth: {
            /**
             * @description The kind.
             * @enum {string}
             */
            type: "customHeaders";
            /** @description The headers. */
            headers: components["schemas"]["CustomHeaderEntry"][];
            /**
             * @description Replaces placeholders as well.
             *
             *     Needs a server of July 2026 or later.
             */
            substitutions?: components["schemas"]["CredentialSubstitution"][];
        };
        /**
         * @description Adds no header; only placeholders are replaced.
         *
         *     Needs a server of July 2026 or later.
         */
        PassthroughCredentialAuth: {
            /**
             * @description The kind.
             * @enum {string}
             */
            type: "passthrough";
            /** @description What to replace. */
            substitutions?: components["schemas"]["CredentialSubstitution"][];
        };
        /** @description A header and the credential that is its value. */
        CustomHeaderEntry: {
            /** @description The header's name. */
            name: string;
            /** @description The credential's name. */
            credential: string;
        };
        /**
         * @description Replaces a placeholder in a request by a credential.
         *
         *     Needs a server of July 2026 or later.
         */
        CredentialSubstitution: {
            /** @description The credential's name. */
            credential: string;
            /** @description The text to replace. */
            placeholder: string;
            /** @description Where in the request to look for it. */
            in: ("path" | "query" | "header" | "body")[];
        };
        /** @description The vault without values. */
        CredentialVaultState: {
            /** @description Grows with every change. */
            revision: number;
            /** @description The credentials. */
            credentials: components["schemas"]["CredentialMetadata"][];
            /** @description The bindings. */
            bindings: components["schemas"]["CredentialBindingMetadata"][];
        };
        /** @description The vault's credentials, without values. */
        CredentialListResponse: {
            /** @description The vault's revision. */
            revision: number;
            /** @description The credentials. */
            credentials: components["schemas"]["CredentialMetadata"][];
        };
        /** @description The vault's bindings. */
        CredentialBindingListResponse: {
            /** @description The vault's revision. */
            revision: number;
            /** @description The bindings. */
            bindings: components["schemas"]["CredentialBindingMetadata"][];
        };
        /** @description A credential without its value. */
        CredentialMetadata: {
            /** @description The credential's name. */
            name: string;
            /** @description Where the value came from, so far `inline`. */
            sourceType: string;
            /** @description The vault's revision when the credential was last changed. */
            revision: number;
        };
        /** @description A binding. */
        CredentialBindingMetadata: {
            /** @description The binding's name. */
            name: string;
            /** @description The vault's revision when the binding was last changed. */
            revision: number;
            /** @description Which requests. */
            match?: components["schemas"]["CredentialMatch"];
            /** @description What is put into them. */
            auth?: components["schemas"]["CredentialAuthMetadata"];
        };
        /** @description How a binding authenticates, without credentials. */
        CredentialAuthMetadata: {
            /** @description The kind, such as `bearer`. */
            type: string;
            /** @description For `apiKey`, the header's name. */
            name?: string;
        };
    };
    responses: {
        /** @description The policy that holds now. */
        Policy: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["PolicyStatusResponse"];
            };
        };
        /** @description The vault's state, without values. */
        Vault: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["CredentialVaultState"];
            };
        };
        /** @description The body is malformed, or a value or an unknown field is refused. */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description The token is missing or wrong. */
        Unauthorized: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description There is no vault, or nothing of that name in it. */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description There is a vault already, or it has another revision than expected. */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description The sidecar cannot put credentials into requests, or cannot do it yet. */
        NotReady: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description The policy would have more than 4096 rules. */
        TooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description Credentials are accepted over TLS and from the sidecar's own machine only. */
        NotEncrypted: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description The policy could not be read or put in force. */
        Failed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getEgressPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Policy"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["Failed"];
        };
    };
    replaceEgressPolicy: {
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
            200: components["responses"]["Policy"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            413: components["responses"]["TooLarge"];
            500: components["responses"]["Failed"];
        };
    };
    deleteEgressRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
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
            200: components["responses"]["Policy"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["Failed"];
        };
    };
    patchEgressPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
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
            200: components["responses"]["Policy"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            413: components["responses"]["TooLarge"];
            500: components["responses"]["Failed"];
        };
    };
    getCredentialVault: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Vault"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
    createCredentialVault: {
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
                 *       "credentials": [
                 *         {
                 *           "name": "token",
                 *           "source": {
                 *             "type": "inline",
                 *             "value": "s3cret"
                 *           }
                 *         }
                 *       ],
                 *       "bindings": [
                 *         {
                 *           "name": "api",
                 *           "match": {
                 *             "hosts": [
                 *               "api.example.com"
                 *             ]
                 *           },
                 *           "auth": {
                 *             "type": "bearer",
                 *             "credential": "token"
                 *           }
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["CredentialVaultCreateRequest"];
            };
        };
        responses: {
            201: components["responses"]["Vault"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["NotReady"];
            426: components["responses"]["NotEncrypted"];
        };
    };
    deleteCredentialVault: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted. There is no body. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
    patchCredentialVault: {
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
                 *       "expectedRevision": 1,
                 *       "credentials": {
                 *         "delete": [
                 *           "token"
                 *         ]
                 *       },
                 *       "bindings": {
                 *         "delete": [
                 *           "api"
                 *         ]
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CredentialVaultMutationRequest"];
            };
        };
        responses: {
            200: components["responses"]["Vault"];
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["NotReady"];
            426: components["responses"]["NotEncrypted"];
        };
    };
    listCredentials: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The credentials. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CredentialListResponse"];
                };
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
    getCredential: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The credential's name. */
                credential_name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The credential. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CredentialMetadata"];
                };
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
    listCredentialBindings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bindings. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CredentialBindingListResponse"];
                };
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
    getCredentialBinding: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The binding's name. */
                binding_name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The binding. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CredentialBindingMetadata"];
                };
            };
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
        };
    };
}
