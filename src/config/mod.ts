/**
 * The public package `coxswain`: what a configuration imports. Owns the list of exports.
 * Must not import: zod, or anything that does I/O.
 *
 * @module
 */
export {
  command,
  type ConfigInput,
  defineConfig,
  deno,
  group,
  type GroupInput,
  type InputPort,
  type KnownSignal,
  type OutputPort,
  pipe,
  type PipeInput,
  type ProcessInput,
  type ReadyInput,
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
  PipeConfig,
  ProcessConfig,
  ReadyConfig,
  Run,
  SignalName,
  Size,
  TaskRun,
} from "./config.ts";
