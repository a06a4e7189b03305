/**
 * Runs untrusted code in OpenSandbox sandboxes.
 *
 * @module
 */
export { Sandbox } from "./sandbox.js";
export type {
  SandboxConnectOptions,
  SandboxCreateOptions,
  SandboxForkOptions,
  SandboxReadyOptions,
} from "./sandbox.js";
export { SandboxManager } from "./sandbox-manager.js";
export { CodeInterpreter } from "./code-interpreter.js";

export { ConnectionConfig } from "./connection.js";
export type { ConnectionOptions } from "./connection.js";
export type { Logger } from "./logging.js";
export { RetryPolicy } from "./retry-policy.js";
export type { RetryPolicyOptions } from "./retry-policy.js";
export type { Fetch } from "./transport/request.js";
export type { WebSocketClass, WebSocketConnection } from "./transport/web-socket.js";
export { REQUEST_CHANNEL } from "./transport/log.js";
export type { RequestTrace } from "./transport/log.js";

export { CODE_INTERPRETER_ENTRYPOINT, CODE_INTERPRETER_IMAGE } from "./lifecycle/create-options.js";
export type { CreateProgress } from "./lifecycle/create-options.js";
export type { Diagnostics } from "./lifecycle/diagnostics.js";
export type { SandboxEndpoint } from "./lifecycle/lifecycle.js";
export type { SandboxFilter, SnapshotFilter } from "./lifecycle/management.js";
export type { Page } from "./lifecycle/page.js";
export type { SandboxInfo, SnapshotInfo } from "./lifecycle/info.js";
export type {
  CreateTemplateOptions,
  TemplateFilter,
  TemplateInfo,
  TemplatePhase,
} from "./lifecycle/templates.js";
export type { Volume } from "./lifecycle/volumes.js";

export type { NetworkPolicy, NetworkRule } from "./network-policy.js";
export type { LifecycleHooks } from "./lifecycle/hooks.js";
export type { CallOptions } from "./arguments.js";
export { SupportedLanguage } from "./services/codes.js";
export type {
  CodeContext,
  Codes,
  CodeStreamOptions,
  CreateContextOptions,
  RunCodeOptions,
  RunCodeRequest,
} from "./services/codes.js";
export type { CommandHandle } from "./services/command-handle.js";
export type { CommandLogs, CommandStatus, FollowLogsOptions } from "./services/command-logs.js";
export type {
  Commands,
  CommandStreamOptions,
  RunCommandOptions,
  StartCommandOptions,
} from "./services/commands.js";
export type { CommandSession, RunInSessionOptions } from "./services/sessions.js";
export type { WaitOptions } from "./services/wait-for-output.js";
export type { CommandInput } from "./services/command-input.js";
export type { InputRequest } from "./execution/handlers.js";
export type { Isolated } from "./services/isolated.js";
export type {
  IsolatedRunStatus,
  IsolatedSession,
  RunIsolatedOptions,
  RunOnceOptions,
  StartIsolatedOptions,
} from "./services/isolated/isolated-session.js";
export type {
  CreateIsolatedSessionOptions,
  EnvPassthrough,
  IsolatedBind,
  IsolatedBox,
  IsolatedSessionInfo,
  IsolatedWorkspace,
  IsolationCapabilities,
} from "./services/isolated/requests.js";
export type { Terminals } from "./services/terminals.js";
export type { Terminal, ReconnectTerminalOptions } from "./services/terminals/terminal.js";
export type {
  AttachTerminalOptions,
  CreateTerminalOptions,
  TerminalInfo,
} from "./services/terminals/terminal-calls.js";
export type { TerminalOutput } from "./services/terminals/output-queue.js";
export type { CredentialVault } from "./services/credential-vault.js";
export type { Credential, CredentialAuth, CredentialBinding } from "./services/egress/vault-arguments.js";
export type { VaultChanges, VaultContents, VaultState } from "./services/egress/vault-calls.js";
export type { Egress } from "./services/egress.js";
export type { CapabilityName } from "./capabilities.js";
export type { Capabilities, Capability } from "./services/capabilities.js";
export type { EgressStatus } from "./services/egress/policy-calls.js";
export type { Files } from "./services/files.js";
export type { FileInfo } from "./services/files/file-info.js";
export type { TransferProgress } from "./services/files/local-file.js";
export type { FileMode } from "./services/files/mode.js";
export type {
  DirectoryEntry,
  DownloadOptions,
  ListDirectoryOptions,
  MoveEntry,
  PermissionEntry,
  ReadBytesOptions,
  ReadFileOptions,
  ReplaceEntry,
  SearchOptions,
  UploadOptions,
  WriteEntry,
  WriteFileOptions,
} from "./services/files/requests.js";
export type { ByteSource } from "./transport/segmented-body.js";
export type { Health } from "./services/health.js";
export type { SandboxMetrics } from "./services/metric-calls.js";
export type { Metrics } from "./services/metrics.js";

export { Execution } from "./execution/execution.js";
export type { ExecutionComplete } from "./execution/execution.js";
export type { OutputMessage } from "./execution/output-log.js";
export type { ExecutionError, ExecutionEvent } from "./execution/event.js";
export type { ExecutionHandlers } from "./execution/handlers.js";
export { ExecutionResult } from "./execution/result.js";
export { CHART_MIME_TYPE } from "./execution/chart.js";
export type {
  BarChart,
  BoxChart,
  Chart,
  ChartAxis,
  ChartBars,
  ChartBase,
  ChartBox,
  ChartSeries,
  ChartSlice,
  ChartValue,
  CompositeChart,
  PieChart,
  PlaneChart,
  PointChart,
  UnknownChart,
} from "./execution/chart.js";
export type { Run } from "./execution/run.js";

export {
  InvalidArgumentException,
  isSandboxException,
  SandboxApiException,
  SandboxConnectionException,
  SandboxException,
  SandboxInternalException,
  SandboxRateLimitException,
  SandboxReadyTimeoutException,
  SandboxTimeoutException,
  SandboxUnhealthyException,
} from "./errors.js";
export type { SandboxError, SdkErrorCode } from "./errors.js";
