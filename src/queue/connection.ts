// SPDX-License-Identifier: Apache-2.0
// The queue in a Redis or Valkey server, by BullMQ. Only this file knows these packages, and loads them when they are needed.
import type * as BullMq from 'bullmq';
import type { Redis } from 'ioredis';
import { DumpError, UsageError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import type { RedisAddress } from './address.js';

export type { Queue, Worker } from 'bullmq';

/** The versions that were tested. */
const TESTED = 'bullmq@6.7.0 ioredis@5.11.1';

/** Milliseconds until a connection is given up that does not answer. A worker waits for 10 seconds at most for a new job. */
const SILENCE = 12_000;
/** Milliseconds between attempts to connect. */
export const RETRY = 1000;

interface Packages {
  readonly bullmq: Pick<typeof BullMq, 'Queue' | 'Worker' | 'UnrecoverableError' | 'WaitingError'>;
  /** The client of its connections. */
  readonly Client: typeof Redis;
}

/** BullMQ and its client. Throws `UsageError` if they are not installed. */
export async function packages(): Promise<Packages> {
  const [bullmq, { Redis: Client }] = await loaded();
  bullmq.RedisConnection.clientFactory = (options) => bullmq.createIORedisClient(connected(new Client(options)));
  return { bullmq, Client };
}

async function loaded() {
  try {
    return await Promise.all([import('bullmq'), import('ioredis')]);
  } catch {
    throw new UsageError(`a queue needs BullMQ and ioredis, which are not installed: npm install ${TESTED}`);
  }
}

const TIMER = 'socketTimeoutTimer';

/** A client whose timer ends with its connection: ioredis leaves it, so that it delays the end of the program. */
function connected(client: Redis): Redis {
  return client.on('close', () => {
    // It is private.
    clearTimeout(Reflect.get(client, TIMER) as NodeJS.Timeout | undefined);
    Reflect.set(client, TIMER, undefined);
  });
}

/** The options of a connection, which is made again as often as it ends. */
export const optionsOf = ({ host, port, username, password, db, isTls }: RedisAddress) => ({
  host,
  port,
  db,
  ...(username === null ? {} : { username }),
  ...(password === null ? {} : { password }),
  ...(isTls ? { tls: {} } : {}),
  connectTimeout: SILENCE,
  socketTimeout: SILENCE,
  maxRetriesPerRequest: null,
  retryStrategy: () => RETRY,
});

/** A server that can't be reached, at least now. */
export class Unreachable extends DumpError {}

/** What a server does with what it has. */
export interface ServerState {
  /** What it does if its memory is full, such as `noeviction`. */
  readonly eviction: string;
  /** Whether what it has survives its end (append-only file). */
  readonly isDurable: boolean;
}

/** Connects once, to find out what the server is like. Throws `Unreachable`, or `DumpError` if it refuses us. */
export async function examineServer(address: RedisAddress): Promise<ServerState> {
  const { Client } = await packages();
  const once = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 };
  const client = connected(new Client({ ...optionsOf(address), ...once }));
  // An error of the connection is reported here alone, also that of a database that does not exist.
  const problems: Error[] = [];
  client.on('error', (error: Error) => problems.push(error));
  try {
    await client.connect();
    const info = await client.info();
    if (problems[0] !== undefined) throw problems[0];
    return {
      eviction: /^maxmemory_policy:([\w-]+)/m.exec(info)?.[1] ?? 'unknown',
      isDurable: /^aof_enabled:1/m.test(info),
    };
  } catch (error) {
    throw connectionError(address, problems[0] ?? (error as Error));
  } finally {
    client.disconnect();
  }
}

const TRANSIENT = /^(E[A-Z]+|EAI_AGAIN)$/;

function connectionError({ shown }: RedisAddress, error: Error): DumpError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const text = `${shown}: ${reasonOf(error)}`;
  const isTransient =
    (TRANSIENT.test(code) && !code.startsWith('EPROTO')) || /^(LOADING|Socket timeout)/.test(error.message);
  return isTransient
    ? new Unreachable(text, { code: 'system', cause: error })
    : new DumpError(text, { code: 'system', cause: error });
}

/** What a server, or the connection to it, says. */
export const reasonOf = ({ message }: Error): string =>
  oneLine(message.startsWith('Socket timeout') ? 'no answer' : (message.split('\n')[0] ?? '')).slice(0, 300);

/** Ends a connection; by force if the server does not answer. */
export async function inTime(end: () => Promise<void>, force: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      void force().catch(() => undefined);
      resolve();
    }, SILENCE);
  });
  await Promise.race([end().catch(() => undefined), late]);
  clearTimeout(timer);
}
