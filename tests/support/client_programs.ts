/**
 * What a configuration says of programs that use the clients in C and Python, as text. Must not
 * know: what the programs do, what else is in the configuration.
 */
const CLIENTS = new URL("../../clients/", import.meta.url).pathname;

/** The environment of a program in Python. */
export const PYTHON_ENV =
  `{ PYTHONPATH: "${CLIENTS}python", PYTHONDONTWRITEBYTECODE: "1" }` as const;

/**
 * A command that compiles a program in C, leaves no file of it, and becomes it.
 *
 * @param file its source, in the project's folder.
 * @param args its arguments, as words of the shell.
 */
export function compiledInC(file: string, args = ""): string {
  const script = "program=$(mktemp) && gcc -O2 -Wall -Wextra -Werror " +
    `-I ${CLIENTS}c -o "$program" ${file} && exec 9<"$program" && rm "$program" && ` +
    `exec /proc/self/fd/9 ${args}`;
  return `command(["sh", "-c", ${JSON.stringify(script)}])`;
}
