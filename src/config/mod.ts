/**
 * The public package `coxswain`: what a configuration imports. Owns the list of exports.
 * Must not import: zod, or anything that does I/O.
 *
 * @module
 */
export {
  type ChannelInput,
  command,
  type ConfigInput,
  defineConfig,
  deno,
  group,
  type GroupInput,
  type InputPort,
  type KnownSignal,
  listen,
  type ListenInput,
  type OutputPort,
  type PairInput,
  pipe,
  type PipeInput,
  type ProcessInput,
  type ReadyInput,
  socket,
  type SocketPort,
  task,
} from "./define.ts";
export type {
  ChannelConfig,
  CommandRun,
  Config,
  DenoPermissions,
  DenoRun,
  Duration,
  GroupConfig,
  LimitValue,
  ListenConfig,
  PairConfig,
  PipeConfig,
  ProcessConfig,
  ReadyConfig,
  Run,
  SignalName,
  Size,
  TaskRun,
  TcpConfig,
  UnixConfig,
} from "./config.ts";
