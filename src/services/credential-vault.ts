import type { CallOptions } from "../arguments.js";
import type {
  CredentialBindingInfo,
  CredentialInfo,
  VaultChanges,
  VaultContents,
  VaultState,
} from "./egress/vault-calls.js";
import type { SandboxLink } from "./link.js";

/** Loaded when it is used: most programs have no vault. */
const calls = () => import("./egress/vault-calls.js");

/**
 * Holds credentials that the egress sidecar puts into a sandbox's outgoing requests, so that code in the sandbox never sees
 * them. The sandbox must have been created with `credentialProxy: { enabled: true }`. Values are sent, and never returned.
 *
 * The methods reject with a {@link SandboxApiException} with the server's message and one of the codes `VAULT_NOT_READY`
 * (status 412), `VAULT_NOT_ENCRYPTED` (426), `VAULT_CONFLICT` (409) and `VAULT_NOT_FOUND` (404); and with `NOT_SUPPORTED` if
 * the server has no vault.
 */
export class CredentialVault {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /** Creates the vault. @throws {SandboxApiException} `VAULT_CONFLICT` if there is one */
  async create(contents: VaultContents, options: CallOptions = {}): Promise<VaultState> {
    return (await calls()).createVault(this.#link, contents, options);
  }

  /** Returns the vault's credentials and bindings, without values. */
  async get(options: CallOptions = {}): Promise<VaultState> {
    return (await calls()).getVault(this.#link, options);
  }

  /**
   * Adds, replaces and deletes credentials and bindings: all of them or none.
   *
   * @throws {SandboxApiException} `VAULT_CONFLICT` if the vault has another revision than `expectedRevision`
   */
  async patch(changes: VaultChanges, options: CallOptions = {}): Promise<VaultState> {
    return (await calls()).patchVault(this.#link, changes, options);
  }

  /** Deletes the vault with its credentials and bindings. */
  async delete(options: CallOptions = {}): Promise<void> {
    await (await calls()).deleteVault(this.#link, options);
  }

  /** Returns the credentials, without values. */
  async listCredentials(options: CallOptions = {}): Promise<readonly CredentialInfo[]> {
    return (await calls()).listCredentials(this.#link, options);
  }

  /** Returns a credential, without its value. */
  async getCredential(name: string, options: CallOptions = {}): Promise<CredentialInfo> {
    return (await calls()).getCredential(this.#link, name, options);
  }

  /** Returns the bindings. */
  async listBindings(options: CallOptions = {}): Promise<readonly CredentialBindingInfo[]> {
    return (await calls()).listBindings(this.#link, options);
  }

  /** Returns a binding. */
  async getBinding(name: string, options: CallOptions = {}): Promise<CredentialBindingInfo> {
    return (await calls()).getBinding(this.#link, name, options);
  }
}
