/**
 * The state x event table: what each status does with each event about the process.
 *
 * ```
 *  idle ─► waiting ─► spawning ─► starting ─► running        start, dependencies hold,
 *    ▲        ▲           │           │          │           spawned, ready
 *    │        │           │           ├──────────┤  stop, restart, group, shutdown
 *    │        │           │           ▼          ▼
 *    │        │           │        stopping ─► killing       stop timeout
 *    │        │           │           │          │
 *    │        │           │           └────┬─────┘           exited (from any live status)
 *    │        │           ▼                ▼
 *    │        └────── settle ◄──────── finishing             finished
 *    │                  │ │ │
 *    └──────────────────┘ │ └─► completed, failed            ended for good
 *                         └─► backoff ─► spawning            delay over
 * ```
 *
 * A cell sees only events of the current instance and timers that are due (step.ts).
 * What is not named in a row is ignored there: late, early or repeated.
 * Must not know: what the handlers do.
 */
import * as ask from "./admission.ts";
import type { ProcessRequest, RequestHandler } from "./admission.ts";
import type { ProcessStatus } from "./effect.ts";
import type { CoreEvent, TimerKey } from "./event.ts";
import * as on from "./lifecycle.ts";
import type { EventHandler, InstanceEvent } from "./lifecycle.ts";

type Asked = { readonly [Op in ProcessRequest["op"]]: RequestHandler };
type Reported = {
  readonly [K in InstanceEvent["kind"]]: EventHandler<Extract<CoreEvent, { kind: K }>>;
};
type Due = { readonly [K in TimerKey["kind"] as `${K}Due`]: EventHandler<unknown> };

/** One row of the table: a handler for each event about a process. */
export type Row = Asked & Reported & Due;
/** The columns of the table. */
export type EventKind = keyof Row;

const { ignore } = on;
const rest: Reported & Due = {
  spawned: ignore,
  spawnFailed: ignore,
  becameReady: ignore,
  exited: ignore,
  finished: ignore,
  timeoutExtended: ignore,
  mainPidChanged: ignore,
  deadlineMissed: ignore,
  readyDue: ignore,
  stopDue: ignore,
  backoffDue: ignore,
  finishDue: ignore,
};

const { start, startNow, startSpawning, startAgain, alreadyUp, restart, restartAgain } = ask;
const { stop, stayDown, cancel, alreadyDown, signal, nobody } = ask;
const { deadlineMissed, exited, mainPidChanged, timeoutExtended } = on;

/** The table. */
// deno-fmt-ignore
export const TABLE: Readonly<Record<ProcessStatus, Row>> = {
  idle:      { ...rest, start,                stop: alreadyDown, restart: start,         signal: nobody },
  waiting:   { ...rest, start,                stop: cancel,      restart: start,         signal: nobody },
  spawning:  { ...rest, start: startSpawning, stop: stayDown,    restart: startSpawning, signal: nobody,
               spawned: on.spawned, spawnFailed: on.spawnFailed },
  starting:  { ...rest, start: alreadyUp,     stop,              restart,                signal,
               exited, mainPidChanged, timeoutExtended, becameReady: on.becameReady, readyDue: on.readyOverdue,
               deadlineMissed },
  running:   { ...rest, start: alreadyUp,     stop,              restart,                signal,
               exited, mainPidChanged, deadlineMissed },
  stopping:  { ...rest, start: startAgain,    stop: stayDown,    restart: restartAgain,  signal,
               exited, mainPidChanged, timeoutExtended, stopDue: on.stopOverdue },
  killing:   { ...rest, start: startAgain,    stop: stayDown,    restart: restartAgain,  signal: nobody,
               exited, mainPidChanged },
  finishing: { ...rest, start: startAgain,    stop: stayDown,    restart: restartAgain,  signal: nobody,
               finished: on.finished, finishDue: on.finishOverdue },
  backoff:   { ...rest, start: startNow,      stop: cancel,      restart: startNow,      signal: nobody,
               backoffDue: on.backoffOver },
  completed: { ...rest, start,                stop: alreadyDown, restart: start,         signal: nobody },
  failed:    { ...rest, start,                stop: alreadyDown, restart: start,         signal: nobody },
};
