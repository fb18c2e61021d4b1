/**
 * `@log`: shows what the processes of a crew write, and what happens to them. A program of
 * its own without any permission, off the control loop; see `log_protocol.ts`.
 * Must not know: the plan, the run directory, anything but its descriptors.
 *
 * It lives until it has drained: SIGTERM begins a drain, and the end of the commands (the
 * supervisor died) means the same.
 */
import net from "node:net";
import type { EventRecord } from "../audit/event_record.ts";
import { packHeap } from "../os/heap.ts";
import { type CaptureItem, CaptureLines } from "./capture_lines.ts";
import { LineWatch } from "./line_watch.ts";
import {
  LOG_COMMANDS_FD,
  LOG_REPORTS_FD,
  type LogCapture,
  type LogCommand,
  type LogReport,
} from "./log_protocol.ts";
import { LogView } from "./log_view.ts";
import { Terminal } from "./terminal.ts";

/**
 * An exit waits this long, so that the last words of the process come before it, and what
 * follows waits with it. A start does not wait: its process has yet to speak.
 */
const RECORD_DELAY_MS = 10;
/** A half line is shown this long after its instance has ended. */
const PARTIAL_DELAY_MS = 50;
/** A drain ends after this long without output, or when every stream has ended. */
const DRAIN_SILENCE_MS = 200;
/** … and after this long in any case. */
const DRAIN_MAX_MS = 1000;
/** Most of what it takes to load and begin is never used again; by then it has begun. */
const PACK_AFTER_MS = 5_000;

interface Stream {
  readonly capture: LogCapture;
  readonly lines: CaptureLines;
  readonly watch: LineWatch;
  /** The last line shown goes on in the next. */
  continued: boolean;
  /** Markers seen: tells whether an instance still is the one it was. */
  markers: number;
  ended: boolean;
}

class Log {
  readonly #terminal = new Terminal();
  readonly #reports = new net.Socket({ fd: LOG_REPORTS_FD, readable: false, writable: true });
  /** null before the hello: events wait for it. */
  #view: LogView | null = null;
  #streams: Stream[] = [];
  #records: EventRecord[] = [];
  #recordTimer: ReturnType<typeof setTimeout> | null = null;
  #draining = false;
  #silence: ReturnType<typeof setTimeout> | null = null;

  run(): void {
    this.#reports.on("error", () => {});
    Deno.addSignalListener("SIGTERM", () => this.#drain());
    Deno.addSignalListener("SIGINT", () => {});
    const commands = new net.Socket({ fd: LOG_COMMANDS_FD, readable: true, writable: false });
    const decoder = new TextDecoder();
    let held = "";
    commands.on("data", (chunk: Uint8Array) => {
      const lines = (held + decoder.decode(chunk, { stream: true })).split("\n");
      held = lines.pop() ?? "";
      for (const line of lines) if (line !== "") this.#obey(JSON.parse(line) as LogCommand);
    });
    // A closed command pipe is how we learn that the supervisor is gone.
    commands.on("error", () => this.#drain());
    commands.on("close", () => this.#drain());
  }

  #obey(command: LogCommand): void {
    switch (command.kind) {
      case "hello":
        this.#view = new LogView(command);
        this.#streams = command.captures.map((capture) => this.#open(capture, command.token));
        return this.#showRecords();
      case "watch":
        return this.#watch(command);
      case "record":
        return this.#addRecord(command.record);
      case "drain":
        return this.#drain();
    }
  }

  #open(capture: LogCapture, token: string): Stream {
    const stream: Stream = {
      capture,
      lines: new CaptureLines(token),
      watch: new LineWatch(),
      continued: false,
      markers: 0,
      ended: false,
    };
    const socket = new net.Socket({ fd: capture.fd, readable: true, writable: false });
    socket.on("data", (chunk: Uint8Array) => {
      this.#take(stream, stream.lines.push(chunk));
      if (this.#draining) this.#awaitSilence();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      stream.ended = true;
      this.#take(stream, stream.lines.flush());
      if (this.#draining && this.#streams.every(({ ended }) => ended)) this.#leave();
    });
    return stream;
  }

  #take(stream: Stream, items: readonly CaptureItem[]): void {
    const { process, stream: name } = stream.capture;
    for (const item of items) {
      if (item.kind === "instance") {
        stream.watch.switchTo(item.instance);
        stream.continued = false;
        stream.markers++;
        continue;
      }
      const { text, continues } = item;
      const line = { process, stream: name, text, continues, continued: stream.continued };
      stream.continued = continues;
      this.#terminal.write(this.#view?.output(line) ?? "");
      const ready = stream.watch.line(text);
      if (ready !== null) this.#report({ kind: "matched", process, instance: ready });
    }
  }

  #watch({ process, instance, stream: name, pattern }: Extract<LogCommand, { kind: "watch" }>) {
    const stream = this.#streams.find(({ capture }) =>
      capture.process === process && capture.stream === name
    );
    let ready: number | null;
    try {
      ready = stream?.watch.watch(instance, pattern) ?? null;
    } catch (error) {
      // To end here would end the view of every process, again at each restart.
      this.#terminal.write(`cox | ${process}: the ready pattern is refused: ${error}\n`);
      return;
    }
    if (ready !== null) this.#report({ kind: "matched", process, instance: ready });
  }

  #report(report: LogReport): void {
    this.#reports.write(JSON.stringify(report) + "\n");
  }

  #addRecord(record: EventRecord): void {
    this.#records.push(record);
    if (this.#view === null) return;
    if (this.#recordTimer === null && record.event !== "exit") return this.#showRecords();
    this.#recordTimer ??= setTimeout(() => this.#showRecords(), RECORD_DELAY_MS);
  }

  #showRecords(): void {
    if (this.#recordTimer !== null) clearTimeout(this.#recordTimer);
    this.#recordTimer = null;
    for (const record of this.#records.splice(0)) {
      const text = this.#view?.record(record) ?? null;
      if (text !== null) this.#terminal.write(text);
      if (record.event === "exit") this.#flushPartial(record.process);
    }
  }

  /** A grandchild may still finish the line: we wait a moment before we end it ourselves. */
  #flushPartial(process: string): void {
    for (const stream of this.#streams) {
      if (stream.capture.process !== process) continue;
      const markers = stream.markers;
      setTimeout(() => {
        // The next instance's marker has ended the line already, and what is held is new.
        if (stream.markers === markers) this.#take(stream, stream.lines.flush());
      }, PARTIAL_DELAY_MS);
    }
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    setTimeout(() => this.#leave(), DRAIN_MAX_MS);
    if (this.#streams.every(({ ended }) => ended)) this.#leave();
    else this.#awaitSilence();
  }

  #awaitSilence(): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#leave(), DRAIN_SILENCE_MS);
  }

  #leave(): never {
    for (const stream of this.#streams) this.#take(stream, stream.lines.flush());
    this.#showRecords();
    this.#terminal.flush();
    Deno.exit(0);
  }
}

if (import.meta.main) {
  new Log().run();
  setTimeout(packHeap, PACK_AFTER_MS);
}
