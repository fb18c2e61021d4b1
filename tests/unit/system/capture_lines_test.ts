// How a captured stream is cut into lines and instances.
import { assert, assertEquals } from "@std/assert";
import {
  type CaptureItem,
  CaptureLines,
  LINE_BYTES_MAX,
} from "../../../src/system/capture_lines.ts";
import { captureMarker } from "../../../src/system/log_protocol.ts";

const TOKEN = "0f8fad5b-d9cb-469f-a165-70867728950e";
const bytes = (text: string) => new TextEncoder().encode(text);

/** Lines as text, `…` where one goes on, instances as numbers. */
function brief(items: readonly CaptureItem[]): (string | number)[] {
  return items.map((item) =>
    item.kind === "instance" ? item.instance : item.text + (item.continues ? "…" : "")
  );
}

Deno.test("CaptureLines.push() gives the same items however the stream is cut into chunks", () => {
  const stream = bytes(
    `${captureMarker(TOKEN, 1)}a\n\nbé€😀\nhalf${captureMarker(TOKEN, 2)}c\nrest`,
  );
  const expected = [1, "a", "", "bé€😀", "half", 2, "c", "rest"];
  for (let size = 1; size <= stream.length; size++) {
    const lines = new CaptureLines(TOKEN);
    const items: CaptureItem[] = [];
    for (let at = 0; at < stream.length; at += size) {
      items.push(...lines.push(stream.subarray(at, at + size)));
    }
    items.push(...lines.flush());
    assertEquals(brief(items), expected, `chunks of ${size}`);
  }
});

Deno.test("CaptureLines.push() shows a marker with another token, or without a number, as text", () => {
  const forged = [captureMarker("guess", 2), `\0cox ${TOKEN} x\n`, `\0cox ${TOKEN} 0\n`];
  for (const text of forged) {
    const items = new CaptureLines(TOKEN).push(bytes(text));
    assertEquals(items, [{ kind: "line", text: text.slice(0, -1), continues: false }]);
  }
});

Deno.test("CaptureLines.push() replaces what is not UTF-8 and keeps the rest of the line", () => {
  const items = new CaptureLines(TOKEN).push(new Uint8Array([0x61, 0xff, 0x62, 0x0a]));
  assertEquals(brief(items), ["a\ufffdb"]);
});

Deno.test("CaptureLines.push() keeps a line of LINE_BYTES_MAX bytes whole and cuts one byte more", () => {
  const whole = new CaptureLines(TOKEN).push(bytes("x".repeat(LINE_BYTES_MAX) + "\n"));
  assertEquals(brief(whole).map((text) => String(text).length), [LINE_BYTES_MAX]);
  const cut = new CaptureLines(TOKEN).push(bytes("x".repeat(LINE_BYTES_MAX + 1) + "\n"));
  assertEquals(brief(cut), ["x".repeat(LINE_BYTES_MAX) + "…", "x"]);
});

Deno.test("CaptureLines.push() cuts an endless line between characters and bounds what it holds", () => {
  const lines = new CaptureLines(TOKEN);
  const items: CaptureItem[] = [];
  for (let times = 0; times < 100; times++) items.push(...lines.push(bytes("€".repeat(1000))));
  items.push(...lines.flush());
  const text = items.map((item) => item.kind === "line" ? item.text : "").join("");
  assertEquals(text, "€".repeat(100_000));
  assert(items.length >= 4);
  for (const item of items) assert(item.kind === "line" && bytes(item.text).length <= 65_536);
});

Deno.test("CaptureLines.push() never cuts an overlong line through a marker", () => {
  const marker = captureMarker(TOKEN, 7);
  for (let short = 0; short <= marker.length + 2; short++) {
    const head = "x".repeat(LINE_BYTES_MAX - short);
    const lines = new CaptureLines(TOKEN);
    const items = [
      ...lines.push(bytes(head)),
      ...lines.push(bytes(marker.slice(0, 20))),
      ...lines.push(bytes(marker.slice(20) + "y\n")),
    ];
    const found = brief(items).filter((item) => item === 7).length;
    assertEquals(found, 1, `${short} bytes before the limit`);
    assertEquals(brief(items).at(-1), "y");
    const text = items.map((item) => item.kind === "line" ? item.text : "").join("");
    assertEquals(text, head + "y");
  }
});
