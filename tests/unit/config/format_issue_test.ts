import { assertEquals } from "@std/assert";
import { formatIssues, formatPath } from "../../../src/config/format_issue.ts";

Deno.test("formatPath() shows keys, positions and keys that are no names", () => {
  assertEquals(formatPath([]), "");
  assertEquals(formatPath(["processes", "web", "run", "argv", 0]), "processes.web.run.argv[0]");
  assertEquals(formatPath(["processes", "a b", "env", "A=B"]), 'processes["a b"].env["A=B"]');
});

Deno.test("formatIssues() shows severity, place, message and fix, and counts", () => {
  const text = formatIssues("crew.ts", [
    { severity: "error", path: ["name"], message: '"name" is required', fix: null },
    { severity: "warning", path: [], message: "doubtful", fix: "do better" },
    { severity: "error", path: ["x", 1], message: "wrong", fix: "right" },
  ]);
  assertEquals(
    text,
    [
      "crew.ts: 2 errors, 1 warning",
      '  error    name: "name" is required',
      "  warning  doubtful",
      "           do better",
      "  error    x[1]: wrong",
      "           right",
    ].join("\n"),
  );
  assertEquals(formatIssues("crew.ts", []), "crew.ts: no issues");
});

Deno.test("formatIssues() lets no control character reach the terminal", () => {
  const issue = {
    severity: "error",
    path: ["\x1b[2J"],
    message: "a\x07\nb\x9bc",
    fix: "\r",
  } as const;
  const text = formatIssues("crew\x1b.ts", [issue]);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(text), false);
  assertEquals(text.split("\n").length, 3);
});
