/**
 * Clients under test: many at once, each connects, asks, and wants its own answer. Owns the
 * count of what became of every connection. Must not know: servers.
 */

/** What became of the connections. */
export interface LoadReport {
  answered: number;
  /** Connected, and closed without an answer, or within it: accepted by one that then died. */
  unanswered: number;
  /** Could not connect, with the error's name. */
  readonly refused: string[];
  /** Got another answer than its own. */
  readonly wrong: string[];
}

/** Load that runs until it is stopped, or the first client is refused. */
export interface Load extends AsyncDisposable {
  readonly report: LoadReport;
  /** Lets every client finish its connection. */
  stop(): Promise<LoadReport>;
}

/** Where to connect. */
export type LoadTarget = { readonly path: string } | { readonly port: number };

/**
 * Starts `clients` loops. A request is a line with a number; the answer has to contain it.
 *
 * @param request makes the bytes of a request from its number.
 */
export function startLoad(
  target: LoadTarget,
  clients: number,
  request: (id: string) => string = (id) => `${id}\n`,
): Load {
  const report: LoadReport = { answered: 0, unanswered: 0, refused: [], wrong: [] };
  let stopped = false;
  let next = 0;
  const loop = async () => {
    // A refusal is a finding; a loop of refusals would keep the test from saying so.
    while (!stopped && report.refused.length === 0) {
      await once(target, `r${++next}r`, request, report);
    }
  };
  const loops = Array.from({ length: clients }, loop);
  const stop = async () => {
    stopped = true;
    await Promise.all(loops);
    return report;
  };
  return {
    report,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

async function once(
  target: LoadTarget,
  id: string,
  request: (id: string) => string,
  report: LoadReport,
): Promise<void> {
  let connection: Deno.Conn;
  try {
    connection = "path" in target
      ? await Deno.connect({ transport: "unix", path: target.path })
      : await Deno.connect({ hostname: "127.0.0.1", port: target.port });
  } catch (error) {
    report.refused.push(error instanceof Error ? error.name : String(error));
    return;
  }
  const answer = await ask(connection, request(id));
  if (answer.includes(id)) report.answered++;
  else if (/r[0-9]+r/.test(answer)) report.wrong.push(`${id}: ${answer}`);
  else report.unanswered++;
}

/** @returns "" when the connection ended without an answer. */
async function ask(connection: Deno.Conn, request: string): Promise<string> {
  try {
    await connection.write(new TextEncoder().encode(request));
    // Reading to the end closes it.
    return await new Response(connection.readable).text();
  } catch (error) {
    // Reset: the instance died with our request unread. The stream has closed the connection,
    // if it got so far.
    if (!(error instanceof Error)) throw error;
    closeAnyway(connection);
    return "";
  }
}

function closeAnyway(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
