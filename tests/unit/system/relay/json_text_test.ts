import { assertEquals } from "@std/assert";
import { JsonCheck } from "../../../../src/system/relay/json_text.ts";
import { seededRandom } from "./support.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(decoder.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

const check = new JsonCheck();
const agrees = (bytes: Uint8Array) =>
  assertEquals(check.isText(bytes, 0, bytes.length), isJson(bytes), JSON.stringify([...bytes]));
const agreesOn = (text: string) => agrees(new TextEncoder().encode(text));

Deno.test("JsonCheck.isText() says what JSON.parse says of every kind of value", () => {
  const scalars = [
    ...[
      "0",
      "-0",
      "1",
      "-1",
      "10",
      "01",
      "-",
      "-a",
      "1.",
      ".5",
      "1.5",
      "1.50e3",
      "1e",
      "1e+",
      "1E-2",
    ],
    ...["1e5", "1.e5", "+1", "0x1", "00", "0.0", "0e0", "--1", "1_0", "Infinity", "NaN"],
    ...["true", "false", "null", "tru", "truee", "True", "nul", "undefined", ""],
    ...['""', '"a"', '"', '"a', '"\\""', '"\\u00e9"', '"\\u00g9"', '"\\u123"', '"\\u12\u0000a1"'],
    ...['"\\x"', '"\\', '"\t"', '"\u007f"', '"é€😀"', '"\u2028"', "'a'", "\u0000", "\ufeff1"],
  ];
  for (const text of scalars) {
    for (const around of ["_", " _", "_\r", "\t_\n ", "[_]", "[_,1]", '{"k":_}', "[[_]]", "_ _"]) {
      agreesOn(around.replaceAll("_", text));
    }
  }
});

Deno.test("JsonCheck.isText() says what JSON.parse says of every structure of eight tokens", () => {
  const tokens = ["[", "]", "{", "}", ",", ":", '"a"', "1"];
  const random = seededRandom(7);
  for (let length = 0; length <= 5; length++) {
    for (let code = 0; code < tokens.length ** length; code++) {
      let text = "";
      for (let rest = code, at = 0; at < length; at++, rest = Math.floor(rest / 8)) {
        text += tokens[rest % 8];
      }
      agreesOn(text);
    }
  }
  for (let round = 0; round < 50_000; round++) {
    agreesOn(Array.from({ length: 8 }, () => tokens[random(8)]).join(random(4) === 0 ? " " : ""));
  }
});

Deno.test("JsonCheck.isText() finds every broken sequence of UTF-8 in a string", () => {
  const edges = [
    0x00,
    0x22,
    0x5c,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
  ];
  edges.push(0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);
  for (const a of edges) {
    for (const b of edges) {
      for (const c of edges) {
        for (const d of [0x41, 0x80, 0xbf, 0xc2]) agrees(Uint8Array.of(0x22, a, b, c, d, 0x22));
      }
    }
  }
});

Deno.test("JsonCheck.isText() takes any depth, with a bit for each level", () => {
  const depth = 100_000;
  for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
    const text = open.repeat(depth) + "1" + close.repeat(depth);
    const bytes = new TextEncoder().encode(text);
    assertEquals(check.isText(bytes, 0, bytes.length), true);
    assertEquals(check.isText(bytes, 0, bytes.length - 1), false);
  }
  agreesOn("[".repeat(40) + "{}" + "]".repeat(39) + "}");
});

Deno.test("JsonCheck.isText() says what JSON.parse says of texts with bytes changed", () => {
  const random = seededRandom(11);
  const text = '{"name":"pose","values":[1,-2.5e3,{"x":null,"y":[true,false]}],"t":"é\\n\\u00e9"}';
  const whole = new TextEncoder().encode(text);
  for (let round = 0; round < 100_000; round++) {
    const bytes = whole.slice(random(3) === 0 ? random(9) : 0, whole.length - random(3));
    for (let changes = random(3); changes >= 0; changes--) {
      const other = whole[random(whole.length)]!;
      bytes[random(bytes.length)] = random(2) === 0 ? other : random(256);
    }
    agrees(bytes);
  }
});
