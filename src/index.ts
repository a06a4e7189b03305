/**
 * Runs untrusted code in OpenSandbox sandboxes.
 *
 * @module
 */
export { Sandbox } from "./sandbox.js";
export type { SandboxConnectOptions, SandboxCreateOptions, SandboxReadyOptions } from "./sandbox.js";
export { SandboxManager } from "./sandbox-manager.js";
export type { SandboxManagerOptions, SandboxPage, SnapshotPage } from "./sandbox-manager.js";
export { CodeInterpreter } from "./code-interpreter.js";
export type { CodeInterpreterOptions } from "./code-interpreter.js";

export { ConnectionConfig } from "./connection.js";
export type { ConnectionOptions } from "./connection.js";
export type { Logger } from "./logging.js";
export { RetryPolicy } from "./transport/retry.js";
export type { RetryEvent, RetryPolicyOptions } from "./transport/retry.js";
export type { Fetch } from "./transport/request.js";
export { REQUEST_CHANNEL } from "./transport/log.js";
export type { RequestTrace } from "./transport/log.js";

export { CODE_INTERPRETER_ENTRYPOINT, CODE_INTERPRETER_IMAGE } from "./lifecycle/create-options.js";
export type {
  ConnectOptions,
  CreateOptions,
  CreateProgress,
  HealthCheck,
  ImageOptions,
  NetworkPolicy,
  ReadyOptions,
} from "./lifecycle/create-options.js";
export type { Diagnostics, DiagnosticsKind } from "./lifecycle/diagnostics.js";
export type { SandboxEndpoint, SandboxFilter, SnapshotFilter } from "./lifecycle/lifecycle.js";
export type { Page, PageFilter, Pagination } from "./lifecycle/page.js";
export type { SandboxInfo, SandboxState, SandboxStatus } from "./lifecycle/sandbox-info.js";
export type { SnapshotInfo, SnapshotState } from "./lifecycle/snapshot-info.js";
export type { Status } from "./lifecycle/status.js";
export type { HostVolume, OssfsVolume, PvcVolume, Volume } from "./lifecycle/volumes.js";

export type { CallOptions } from "./services/arguments.js";
export type { RunOptions } from "./services/run-options.js";
export type { KeepOutput } from "./execution/output-log.js";
export { SupportedLanguage } from "./services/codes.js";
export type {
  CodeContext,
  Codes,
  CreateContextOptions,
  RunCodeOptions,
  RunCodeRequest,
  RunStreamOptions,
} from "./services/codes.js";
export type { Commands, CommandStreamOptions, RunCommandOptions } from "./services/commands.js";
export type {
  CommandLogs,
  CommandLogsOptions,
  CommandStatus,
  FollowLogsOptions,
} from "./services/command-logs.js";
export type { CommandSession, CreateSessionOptions, RunInSessionOptions } from "./services/sessions.js";
export type { Files } from "./services/files.js";
export type { FileInfo, FileType } from "./services/files/file-info.js";
export type { ProgressCallback, TransferProgress } from "./services/files/local-file.js";
export type { FileMode } from "./services/files/mode.js";
export type { ByteRange, LineRange } from "./services/files/range.js";
export type {
  DirectoryEntry,
  DownloadOptions,
  ListDirectoryOptions,
  MoveEntry,
  PermissionEntry,
  Permissions,
  ReadBytesOptions,
  ReadFileOptions,
  ReplaceEntry,
  ReplaceResult,
  SearchOptions,
  UploadOptions,
  WriteEntry,
} from "./services/files/requests.js";
export type { ByteSource } from "./transport/segmented-body.js";
export type { Health } from "./services/health.js";
export type { Metrics, SandboxMetrics } from "./services/metrics.js";

export { Execution } from "./execution/execution.js";
export type {
  ExecutionComplete,
  ExecutionKind,
  ExecutionLogs,
  OutputMessage,
} from "./execution/execution.js";
export type {
  ErrorEvent,
  ExecutionCompleteEvent,
  ExecutionCountEvent,
  ExecutionError,
  ExecutionEvent,
  InitEvent,
  PingEvent,
  ResultEvent,
  StatusEvent,
  StderrEvent,
  StdoutEvent,
  UnknownEvent,
} from "./execution/event.js";
export type { ExecutionHandlers, HandlerOutcome } from "./execution/handlers.js";
export { ExecutionResult } from "./execution/result.js";
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
export type {
  SandboxApiExceptionFacts,
  SandboxError,
  SandboxExceptionFacts,
  SandboxExceptionJson,
  SdkErrorCode,
} from "./errors.js";
