// The table of `cox channels`, as it is printed, and its place on a terminal.
import { assert, assertEquals } from "@std/assert";
import { channelLines } from "../../../src/cli/channel_table.ts";
import type { CliIo } from "../../../src/cli/io.ts";
import { Redraw } from "../../../src/cli/redraw.ts";
import type { ChannelFigures } from "../../../src/control/channels_report.ts";

const PIPE: ChannelFigures = {
  channel: "lines",
  kind: "pipe",
  from: "sampler.stdout",
  to: "parser.stdin",
  unit: "bytes",
  fill: 0,
  capacity: 65_536,
  queuedBytes: null,
  unreadBytes: null,
  oldestMs: null,
  perSecond: null,
  total: null,
  lastMs: null,
  dropped: null,
  standsForMs: 0,
  standsLonger: false,
  stoodMs: 0,
  stall: null,
  waits: null,
};
const STALLED: ChannelFigures = {
  ...PIPE,
  fill: 65_000,
  standsForMs: 3210,
  standsLonger: true,
  waits: {
    side: "producer",
    who: ["sampler"],
    for: [{ process: "writer", condition: "suspended" }],
  },
};
const QUEUE: ChannelFigures = {
  ...PIPE,
  channel: "feed",
  kind: "relayed",
  from: "@relay",
  to: "parser.feed",
  unit: "messages",
  fill: 1000,
  capacity: 1024,
  queuedBytes: 40_960,
  unreadBytes: 20_480,
  oldestMs: 1500,
  perSecond: { messages: 12_345.6, bytes: 1_200_000 },
  dropped: 1234,
};
const LISTENER: ChannelFigures = {
  ...PIPE,
  channel: "web",
  kind: "listen",
  from: "clients",
  to: "panel.http",
  unit: "connections",
  fill: null,
  capacity: null,
};
const ALL = [PIPE, STALLED, QUEUE, LISTENER];

Deno.test("channelLines() says what is known of each, and that the rest is not", () => {
  const lines = channelLines(ALL, { color: false, columns: null });
  assertEquals(
    "\n" + lines.join("\n"),
    `
CHANNEL  KIND     FROM → TO                                         FULL  OLDEST       PER SECOND  DROPS  STALLED FOR  WAITS
lines    pipe     sampler.stdout → parser.stdin            0 B of 64 KiB       -                -      -            -  -
lines    pipe     sampler.stdout → parser.stdin         63 KiB of 64 KiB       -                -      -       >3.2 s  sampler for writer (suspended)
feed     relayed  @relay → parser.feed           1,000 of 1,024 + 20 KiB   1.5 s  12,346, 1.1 MiB  1,234            -  -
web      listen   clients → panel.http                                 -       -                -      -            -  -`,
  );
});

Deno.test("channelLines() leaves out what matters least, and cuts, at every width", () => {
  const full = channelLines(ALL, { color: false, columns: null });
  const widest = Math.max(...full.map((line) => line.length));
  assertEquals(channelLines(ALL, { color: false, columns: widest }), full);
  let heads = full[0]!;
  for (let columns = widest - 1; columns >= 10; columns--) {
    const lines = channelLines(ALL, { color: false, columns });
    assertEquals(lines.length, full.length);
    assert(lines.every((line) => line.length <= columns), `${columns}: ${lines.join("\n")}`);
    assert(lines[0]!.startsWith("CHANNEL"));
    if (columns > 60) {
      assert(["STALLED FOR", "WAITS", "FULL"].every((head) => lines[0]!.includes(head)));
    }
    assert(lines[0]!.length <= heads.length);
    heads = lines[0]!;
  }
});

Deno.test("channelLines() leaves out first what nobody has a figure of", () => {
  const lines = channelLines([STALLED], { color: false, columns: 110 });
  assertEquals(lines[0]!.split(/ {2,}/), [
    "CHANNEL",
    "KIND",
    "FROM → TO",
    "FULL",
    "STALLED FOR",
    "WAITS",
  ]);
});

Deno.test("channelLines() says how much of a mailbox was taken so far, and when the last was", () => {
  const mailbox: ChannelFigures = {
    ...PIPE,
    channel: "frames",
    kind: "mailbox",
    from: "camera.out",
    to: "viewer.in",
    unit: "samples",
    fill: 1,
    capacity: 8,
    perSecond: { messages: 30, bytes: 31_457_280 },
    total: { messages: 1234, bytes: 1_293_942_784 },
    lastMs: 21,
    dropped: 5,
  };
  assertEquals(channelLines([mailbox, PIPE], { color: false, columns: null }), [
    "CHANNEL  KIND     FROM → TO                               FULL  OLDEST  PER SECOND          SO FAR   LAST  DROPS  STALLED FOR  WAITS",
    "frames   mailbox  camera.out → viewer.in                1 of 8       -  30, 30 MiB  1,234, 1.2 GiB  21 ms      5            -  -",
    "lines    pipe     sampler.stdout → parser.stdin  0 B of 64 KiB       -           -               -      -      -            -  -",
  ]);
});

Deno.test("channelLines() colours what waits for room, and what stands still, when asked", () => {
  const slow = { ...STALLED, standsForMs: 0 };
  const [, quiet, red, yellow] = channelLines([PIPE, STALLED, slow], {
    color: true,
    columns: null,
  });
  assert(!quiet!.includes("\x1b"));
  assert(red!.startsWith("\x1b[31m") && red!.endsWith("\x1b[0m"));
  assert(yellow!.startsWith("\x1b[33m"));
});

Deno.test("channelLines() of no channels says so", () => {
  assertEquals(channelLines([], { color: false, columns: 80 }), ["no channels"]);
});

function redraw() {
  const written: string[] = [];
  const view = new Redraw({ out: (text: string) => written.push(text) } as unknown as CliIo);
  return { written, view };
}

Deno.test("Redraw goes up to its first line, and clears what was longer", () => {
  const { written, view } = redraw();
  const size = { columns: 80, rows: 24 };
  view.show(["one", "two"], size);
  view.show(["three"], size);
  assertEquals(written, [
    "\r" + "one\x1b[K\ntwo\x1b[K\n" + "\x1b[J",
    "\x1b[2A\rthree\x1b[K\n\x1b[J",
  ]);
});

Deno.test("Redraw shows as much as fits, with the cursor's line, and counts the rest", () => {
  const lines = ["a", "b", "c", "d"];
  for (
    const [rows, shown] of [[5, lines], [4, ["a", "b", "… 2 more"]], [1, [
      "a",
      "… 3 more",
    ]]] as const
  ) {
    const { written, view } = redraw();
    view.show(lines, { columns: 80, rows });
    assertEquals(written[0]!.split("\x1b[K\n").slice(0, -1), [`\r${shown[0]}`, ...shown.slice(1)]);
  }
});

Deno.test("Redraw begins on a clear terminal when its size has changed", () => {
  const { written, view } = redraw();
  view.show(["a"], { columns: 80, rows: 24 });
  view.show(["a"], { columns: 79, rows: 24 });
  view.show(["a"], { columns: 79, rows: 24 });
  assertEquals(written.slice(1), ["\x1b[H\x1b[2J\ra\x1b[K\n\x1b[J", "\x1b[1A\ra\x1b[K\n\x1b[J"]);
});
