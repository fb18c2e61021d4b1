/**
 * `coxswain/child`: what a supervised Deno program imports. Everything here works with
 * no permission at all, over descriptors that the supervisor handed over at the start.
 * Must not know: the rest of coxswain, zod, any npm package.
 *
 * ```ts
 * import { isSupervised, ready, stopSignal } from "coxswain/child";
 *
 * const stop = stopSignal(); // aborts on SIGTERM or SIGINT
 * if (isSupervised()) await ready(); // "I can do my work now"
 * console.assert(stop.aborted === false);
 * ```
 *
 * @module
 */
export { isSupervised, NotSupervisedError } from "./supervision.ts";
export type { NotSupervisedReason } from "./supervision.ts";
export { connect, links } from "./connect.ts";
export type {
  BytesOptions,
  ConnectOptions,
  FramesOptions,
  LinesOptions,
  NdjsonOptions,
} from "./connect.ts";
export { listener, takeListenerFd } from "./accept.ts";
export type { Connection, ConnectionServer, Listener } from "./accept.ts";
export { dial } from "./dial.ts";
export { packets } from "./pair.ts";
export type { PacketLink } from "./pair.ts";
export { LinkClosedError, MessageError } from "./link.ts";
export type { Link, LinkInfo, MessageFault, SendOutcome } from "./link.ts";
export { heartbeat } from "./heartbeat.ts";
export { cycle } from "./cycle.ts";
export type { Cycle, CycleOptions, Tick } from "./cycle.ts";
export { checkpoints } from "./checkpoints.ts";
export type { Checkpoints } from "./checkpoints.ts";
export { extendTimeout, ready, reloading, status, stopping, watchdog } from "./notify.ts";
export { stopSignal } from "./stop_signal.ts";
export { NdjsonError, readNdjson } from "./read_ndjson.ts";
export type { NdjsonFault, ReadNdjsonOptions } from "./read_ndjson.ts";
export { writeNdjson } from "./write_ndjson.ts";
export type { ByteWriter, WriteNdjsonOptions } from "./write_ndjson.ts";
export { mailboxConsumer, mailboxProducer } from "./mailbox.ts";
export type { MailboxConsumerOptions, MailboxOptions, MailboxProducerOptions } from "./mailbox.ts";
export type { Consumer as MailboxConsumer } from "./mailbox/consumer.ts";
export type { Corrupt, NoSample, SampleBatch } from "./mailbox/consumer_types.ts";
export { MailboxError, ReleasedError } from "./mailbox/fault.ts";
export type { Loan } from "./mailbox/loan.ts";
export type { Full, Producer as MailboxProducer, Sent } from "./mailbox/producer.ts";
export type { Sample } from "./mailbox/sample.ts";
export type { Waiting } from "./mailbox/spinning.ts";
export type { LoanFields, SampleFields } from "./mailbox/struct_view.ts";
export { struct } from "../channel/mailbox/schema.ts";
export type { FieldType, NumberType, Struct, StructFields } from "../channel/mailbox/schema.ts";
