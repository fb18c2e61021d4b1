/**
 * Makes text of an untrusted program fit for a terminal. Pure.
 * Must not know: whose text it is.
 *
 * Colours (SGR) may stay. Everything else that could move the cursor, rename the window,
 * answer a query or clear the screen goes: a log line must not be able to rewrite others.
 */

/** Any control character but the tab: most lines have none and are left as they are. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/;

/**
 * ECMA-48: CSI sequences; then the strings (OSC, DCS, SOS, PM, APC) up to their terminator or
 * the end of the line; then other escapes; then what is left of C0 and C1, the carriage
 * return apart.
 */
const ESCAPES =
  // deno-lint-ignore no-control-regex
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\x9f]/g;

// deno-lint-ignore no-control-regex
const SGR = /^\x1b\[[0-9;:]*m$/;

const RESET = "\x1b[0m";

/**
 * Cleans one line.
 *
 * @param line without its newline; a carriage return at its end is dropped, one inside
 * becomes a space.
 * @param keepColor whether SGR sequences stay; a line that has any then ends with a reset.
 */
export function terminalText(line: string, keepColor: boolean): string {
  if (!CONTROL.test(line)) return line;
  let colored = false;
  const text = line.replace(/\r+$/, "").replace(ESCAPES, (sequence) => {
    if (!keepColor || !SGR.test(sequence)) return "";
    colored = true;
    return sequence;
  }).replaceAll("\r", " ");
  return colored ? text + RESET : text;
}
