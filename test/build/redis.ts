// SPDX-License-Identifier: Apache-2.0
// A server for a queue, and a proxy that can stop forwarding.
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** A port that nobody uses. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const ended = (child: ChildProcess): Promise<unknown> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', resolve));

/** A redis-server, which keeps what it has in a folder. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #words: readonly string[];
  #child: ChildProcess | null = null;

  private constructor(port: number, folder: string, words: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#words = words;
  }

  /** `words`: its options, before those that it always has. */
  static async create(folder: string, words: readonly string[] = []): Promise<RedisServer> {
    return new RedisServer(await freePort(), folder, words);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    const durable = ['--appendonly', 'yes'];
    this.#child = spawn('redis-server', [...own, ...durable, ...this.#words], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    for await (const piece of this.#child.stdout ?? []) {
      text += String(piece);
      if (text.includes('Ready to accept connections')) break;
    }
    if (!text.includes('Ready to accept connections')) throw new Error(`redis-server: ${text}`);
  }

  /** Ends it, without a chance to write anything. */
  async kill(): Promise<void> {
    if (this.#child === null) return;
    this.#child.kill('SIGKILL');
    await ended(this.#child);
    this.#child = null;
  }
}

/** Forwards connections to a port, as long as it does not hang. */
export class SlowProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #hangs = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<SlowProxy> {
    const server = createServer();
    const proxy = new SlowProxy(server);
    server.on('connection', (socket) => {
      const other = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [socket, other],
        [other, socket],
      ] as const) {
        proxy.#sockets.add(from);
        from.on('data', (piece) => {
          // What comes while it hangs is lost, as it is in a network.
          if (!proxy.#hangs) to.write(piece);
        });
        from
          .on('error', () => undefined)
          .on('close', () => {
            proxy.#sockets.delete(from);
            to.destroy();
          });
      }
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  hang(): void {
    this.#hangs = true;
  }

  /** Goes on with new connections; the old ones stay silent. */
  goOn(): void {
    for (const socket of this.#sockets) socket.removeAllListeners('data').resume();
    this.#hangs = false;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await wait(50);
}
