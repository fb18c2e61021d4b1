// What a program may and may not do to the terminal by what it writes.
import { assertEquals } from "@std/assert";
import { terminalText } from "../../../src/system/terminal_text.ts";

const CASES: readonly [name: string, text: string, plain: string, colored: string][] = [
  ["plain text", "a b\tc é 😀", "a b\tc é 😀", "a b\tc é 😀"],
  ["colour", "\x1b[31mred\x1b[0m", "red", "\x1b[31mred\x1b[0m\x1b[0m"],
  ["colour by colons", "\x1b[38:5:1mx", "x", "\x1b[38:5:1mx\x1b[0m"],
  ["cursor up", "a\x1b[2Ab", "ab", "ab"],
  ["clear screen", "\x1b[2J\x1b[Hx", "x", "x"],
  ["private mode", "\x1b[?1049hx", "x", "x"],
  ["a query that would be answered", "\x1b[6nx", "x", "x"],
  ["window title", "\x1b]0;evil\x07x", "x", "x"],
  ["title ended by ST", "\x1b]0;evil\x1b\\x", "x", "x"],
  ["title without an end", "a\x1b]0;evil", "a", "a"],
  ["device control", "\x1bPevil\x1b\\x", "x", "x"],
  ["reset", "\x1bcx", "x", "x"],
  ["charset", "\x1b(0x", "x", "x"],
  ["8-bit CSI", "\x9b2Jx", "x", "x"],
  ["8-bit OSC", "\x9d0;evil\x9cx", "x", "x"],
  ["lone escape at the end", "x\x1b", "x", "x"],
  ["unfinished CSI", "x\x1b[12", "x", "x"],
  ["backspace, bell, delete", "a\b\x07\x7fb", "ab", "ab"],
  ["NUL", "a\0b", "ab", "ab"],
  ["DOS line end", "a\r", "a", "a"],
  ["carriage return inside", "50%\r100%", "50% 100%", "50% 100%"],
  ["an escape that hides in another", "\x1b[\x1b[2Jx", "x", "x"],
];

for (const [name, text, plain, colored] of CASES) {
  Deno.test(`terminalText() handles ${name}`, () => {
    assertEquals(terminalText(text, false), plain);
    assertEquals(terminalText(text, true), colored);
  });
}

Deno.test("terminalText() leaves no control character but tab and colour, whatever comes", () => {
  let state = 1;
  const draw = (below: number) => (state = (state * 48271) % 2147483647) % below;
  const pieces = ["\x1b", "[", "]", "m", "2J", ";", "\x07", "\\", "\x9b", "\x90", "\r", "\0", "a"];
  for (let times = 0; times < 20_000; times++) {
    let text = "";
    for (let length = draw(12); length > 0; length--) text += pieces[draw(pieces.length)];
    // deno-lint-ignore no-control-regex
    const left = terminalText(text, true).replace(/\x1b\[[0-9;:]*m/g, "");
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/.test(left), false, JSON.stringify(text));
  }
});
