// SPDX-License-Identifier: Apache-2.0

/** Where a server is, and how it lets us in. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  /** Number of the database. */
  readonly db: number;
  readonly isTls: boolean;
  /** The address without the password, for messages. */
  readonly shown: string;
}

const PORT = 6379;

/** The parts of a URL: `redis://[user[:password]@]host[:port][/db]`, or `rediss:` for TLS; null if it is none. */
export function redisAddress(text: string): RedisAddress | null {
  const url = urlOf(text);
  if (url === null || url.hostname === '' || url.search !== '' || url.hash !== '') return null;
  const isTls = url.protocol === 'rediss:';
  const path = /^(?:\/([0-9]{1,6})?)?$/.exec(url.pathname);
  const [username, password] = [decoded(url.username), decoded(url.password)];
  if ((!isTls && url.protocol !== 'redis:') || path === null || username === null || password === null) return null;
  const port = url.port === '' ? PORT : Number(url.port);
  return {
    // Addresses of IPv6 are in brackets.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    username: username === '' ? null : username,
    password: password === '' ? null : password,
    db: Number(path[1] ?? 0),
    isTls,
    shown: `${url.protocol}//${url.hostname}:${port}`,
  };
}

function urlOf(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
