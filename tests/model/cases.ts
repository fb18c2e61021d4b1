/** Which mailboxes the model explores: small ones in every run, larger ones in tests/soak. */
import type { ModelConsumer, ModelOptions } from "./mailbox_model.ts";

/** One of them. */
export interface Case {
  readonly name: string;
  readonly options: ModelOptions;
}

const consumer: ModelConsumer = {
  behind: "oldest",
  from: "resume",
  wait: "parked",
  lives: 0,
  death: "restart",
};
const mortal: ModelConsumer = { ...consumer, lives: 1 };
const atDoorbell: ModelConsumer = { ...consumer, wait: "doorbell" };

const keepLast: ModelOptions = {
  history: "keepLast",
  slots: 2,
  keep: 1,
  sampleBytes: 64,
  samples: 3,
  batch: 1,
  start: 0,
  producerLives: 0,
  producerDeath: "restart",
  ends: false,
  consumers: [consumer],
  buffered: false,
  settles: true,
  grain: "most",
  begin: "attached",
};
const keepAll: ModelOptions = { ...keepLast, history: "keepAll", keep: 0 };
const large: Partial<ModelOptions> = { sampleBytes: 4096, buffered: true };
const two: Partial<ModelOptions> = {
  consumers: [consumer, consumer],
  samples: 2,
  grain: "key",
  begin: "asleep",
};

/** Half a minute for all of them. */
export const SUITE: readonly Case[] = [
  {
    name: "keepLast of large samples, one slot to spare",
    options: { ...keepLast, ...large, samples: 3, grain: "key" },
  },
  { name: "keepAll of large samples", options: { ...keepAll, ...large, grain: "key" } },
  { name: "keepLast, every access a step", options: { ...keepLast, grain: "every" } },
  { name: "keepLast to its end", options: { ...keepLast, ends: true } },
  { name: "keepAll to its end", options: { ...keepAll, ends: true } },
  { name: "keepLast, stores through a buffer", options: { ...keepLast, buffered: true } },
  { name: "keepLast across 2^31", options: { ...keepLast, start: 2 ** 31 - 3 } },
  { name: "keepLast across 2^32", options: { ...keepLast, start: 2 ** 32 - 3 } },
  {
    name: "keepLast, producer killed at the edge of 2^31",
    options: { ...keepLast, start: 2 ** 31 - 2, samples: 2, producerLives: 1, grain: "key" },
  },
  {
    name: "keepLast, producer killed",
    options: { ...keepLast, samples: 2, producerLives: 1, grain: "key" },
  },
  {
    name: "keepLast, producer killed for good",
    options: { ...keepLast, producerLives: 1, producerDeath: "final", ends: true, grain: "key" },
  },
  {
    name: "keepLast, consumer killed",
    options: { ...keepLast, samples: 2, consumers: [mortal], grain: "key" },
  },
  {
    name: "keepLast, both killed, the consumer goes on at the newest",
    options: {
      ...keepLast,
      samples: 1,
      consumers: [{ ...mortal, from: "newest" }],
      producerLives: 1,
      grain: "key",
    },
  },
  {
    name: "keepLast in batches, behind goes on at the newest",
    options: {
      ...keepLast,
      slots: 3,
      samples: 4,
      batch: 2,
      consumers: [{ ...consumer, behind: "newest" }],
      grain: "key",
    },
  },
  { name: "keepLast at a doorbell", options: { ...keepLast, consumers: [atDoorbell] } },
  { name: "keepAll", options: keepAll },
  { name: "keepAll, stores through a buffer", options: { ...keepAll, buffered: true } },
  { name: "keepAll of a single slot", options: { ...keepAll, slots: 1 } },
  {
    name: "keepAll of a single slot, producer killed",
    options: { ...keepAll, slots: 1, producerLives: 1, grain: "key" },
  },
  { name: "keepAll in batches", options: { ...keepAll, samples: 4, batch: 2, grain: "key" } },
  {
    name: "keepAll, both killed",
    options: { ...keepAll, samples: 1, producerLives: 1, consumers: [mortal], grain: "key" },
  },
  {
    name: "keepAll, consumer killed while it is waited for",
    options: { ...keepAll, consumers: [mortal], grain: "key" },
  },
  {
    name: "keepAll, consumer killed, let go of and started again",
    options: {
      ...keepAll,
      slots: 1,
      samples: 2,
      ends: true,
      consumers: [{ ...mortal, death: "again" }],
      grain: "key",
    },
  },
  {
    name: "keepAll, both killed for good",
    options: {
      ...keepAll,
      producerLives: 1,
      producerDeath: "final",
      ends: true,
      consumers: [{ ...mortal, death: "final" }],
      grain: "key",
    },
  },
  { name: "keepLast, two consumers", options: { ...keepLast, ...two } },
  { name: "keepAll, two consumers", options: { ...keepAll, ...two } },
  {
    name: "keepLast, one parked and one at a doorbell, producer killed for good",
    options: {
      ...keepLast,
      ...two,
      consumers: [consumer, atDoorbell],
      samples: 1,
      producerLives: 1,
      producerDeath: "final",
      ends: true,
    },
  },
  {
    name: "keepLast, two consumers, one killed",
    options: { ...keepLast, ...two, samples: 1, consumers: [consumer, mortal] },
  },
  {
    name: "keepLast of large samples",
    options: { ...keepLast, ...large, slots: 3, samples: 4, buffered: false, grain: "key" },
  },
  {
    name: "keepLast of large samples, producer killed",
    options: { ...keepLast, ...large, slots: 3, samples: 2, producerLives: 1, grain: "key" },
  },
  {
    name: "keepAll of large samples, both killed",
    options: {
      ...keepAll,
      ...large,
      samples: 2,
      producerLives: 1,
      consumers: [mortal],
      grain: "key",
    },
  },
  {
    name: "keepAll of large samples, consumer killed, let go of and started again",
    options: {
      ...keepAll,
      ...large,
      buffered: false,
      samples: 2,
      ends: true,
      consumers: [{ ...mortal, death: "again" }],
      grain: "key",
    },
  },
];

/** A producer that sleeps for as long as it likes at once: this must hang. */
export const UNSETTLED: ModelOptions = { ...keepAll, buffered: true, settles: false };

/** Too large to be gone through in every run; a mistake shows in its first million states. */
export const RESTARTED_CONSUMER: Case = {
  name: "keepAll, consumer killed, let go of and started again, three samples",
  options: {
    ...keepAll,
    slots: 1,
    samples: 3,
    ends: true,
    consumers: [{ ...mortal, death: "again" }],
    grain: "key",
  },
};

/** Minutes each, and a gigabyte. */
export const SOAK: readonly Case[] = [
  RESTARTED_CONSUMER,
  {
    name: "keepLast, two consumers, three samples",
    options: { ...keepLast, ...two, samples: 3 },
  },
  {
    name: "keepLast, two consumers, producer killed",
    options: { ...keepLast, ...two, producerLives: 1 },
  },
  {
    name: "keepLast, two consumers that begin to wait",
    options: { ...keepLast, ...two, begin: "attached" },
  },
  {
    name: "keepAll, two consumers that begin to wait",
    options: { ...keepAll, ...two, begin: "attached" },
  },
  {
    name: "keepLast, three samples, both killed",
    options: { ...keepLast, consumers: [mortal], producerLives: 1, grain: "key" },
  },
  {
    name: "keepAll, two samples, both killed",
    options: { ...keepAll, samples: 2, consumers: [mortal], producerLives: 1, grain: "key" },
  },
  {
    name: "keepAll, two consumers, the second killed for good",
    options: { ...keepAll, ...two, consumers: [consumer, { ...mortal, death: "final" }] },
  },
];
