// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { BytesSource } from '../core/bytes-source.js';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { ElfObject } from '../elf/sections.js';
import { cacheHome, hasContents, writeWhole } from '../io/cache-folder.js';
import { reasonOf } from '../io/system-error.js';

/** Default of DEBUGINFOD_TIMEOUT: seconds without data until a server is given up (debuginfod_find_debuginfo(3)). */
const TIMEOUT = 90;
/** Most bytes of a file; a vmlinux with debug information has up to 1 GB. */
const MOST = 2 ** 31;

/** Settings from the environment variables of elfutils' debuginfod client. Times are in seconds, sizes in bytes. */
export interface DebuginfodSettings {
  readonly urls: readonly string[];
  /** Cache folder of the client; null if the user has none. Fetched files are then used for this run only. */
  readonly cache: string | null;
  readonly timeout: number;
  readonly maxTime: number | null;
  readonly maxSize: number | null;
}

/** Reads the settings from DEBUGINFOD_URLS, DEBUGINFOD_CACHE_PATH, DEBUGINFOD_TIMEOUT and others. */
export function settingsOf(environment: NodeJS.ProcessEnv): DebuginfodSettings {
  const number = (name: string): number | null => {
    const value = Number(environment[name] ?? '');
    return environment[name] !== undefined && environment[name] !== '' && value >= 0 ? value : null;
  };
  const home = cacheHome();
  return {
    urls: (environment.DEBUGINFOD_URLS ?? '').split(/\s+/).filter((url) => url !== ''),
    cache: environment.DEBUGINFOD_CACHE_PATH || (home === null ? null : join(home, 'debuginfod_client')),
    timeout: number('DEBUGINFOD_TIMEOUT') ?? TIMEOUT,
    maxTime: number('DEBUGINFOD_MAXTIME'),
    maxSize: number('DEBUGINFOD_MAXSIZE'),
  };
}

/**
 * Fetches the debug information for a build-id. Returns its path in the cache folder, or its bytes if that folder can't
 * be written to; null if no server has it. Throws `DumpError` if no servers are configured.
 */
export async function fetchDebuginfo(
  buildId: string,
  settings: DebuginfodSettings,
  log: Log,
): Promise<string | BytesSource | null> {
  if (settings.urls.length === 0)
    throw new DumpError('debuginfod: DEBUGINFOD_URLS is not set', {
      code: 'system',
      hint: 'set it to the URLs of servers, for example https://debuginfod.debian.net',
    });
  const path = settings.cache === null ? null : join(settings.cache, buildId, 'debuginfo');
  // elfutils' client leaves an empty file if no server had the file.
  if (path !== null && hasContents(path)) return path;
  for (const server of settings.urls) {
    const body = await askServer(server, buildId, settings, log);
    if (body === null) continue;
    log.found(`debuginfod: ${buildId} from ${server}, ${body.length} bytes`);
    return path !== null && isKept(path, body, log) ? path : new BytesSource(`debuginfod ${buildId}`, body);
  }
  return null;
}

function isKept(path: string, body: Uint8Array, log: Log): boolean {
  try {
    writeWhole(path, body);
    log.found(`cached as ${path}`);
    return true;
  } catch (cause) {
    log.warn(
      `${path}: the file from debuginfod can't be cached, and will be fetched again next time: ${reasonOf(cause)}; to use another folder, set DEBUGINFOD_CACHE_PATH`,
    );
    return false;
  }
}

async function askServer(
  server: string,
  buildId: string,
  settings: DebuginfodSettings,
  log: Log,
): Promise<Uint8Array | null> {
  try {
    const url = new URL(`${server.replace(/\/+$/, '')}/buildid/${buildId}/debuginfo`);
    if (!isSafe(url)) throw new Error('only https is allowed, and http on this machine');
    const body = await download(url, settings, log);
    const theirs = body === null ? buildId : new ElfObject(new BytesSource(url.href, body)).buildId;
    // A wrong file must not get into the cache.
    if (theirs !== buildId)
      throw new Error(`it sent a file with build-id ${theirs ?? 'none'}, but ${buildId} was requested`);
    return body;
  } catch (error) {
    const { message, cause } = error as Error;
    log.warn(`debuginfod ${server}: ${cause instanceof Error ? cause.message : message}`);
    return null;
  }
}

/** Whether the answer can't be changed on its way: https, or http on this machine. */
const isSafe = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname));

async function download(url: URL, settings: DebuginfodSettings, log: Log): Promise<Uint8Array | null> {
  const { timeout, maxTime, maxSize } = settings;
  const most = Math.min(MOST, maxSize ?? MOST);
  const control = new AbortController();
  const abort = (why: string) => () => {
    control.abort(new Error(why));
  };
  const whole = maxTime === null ? undefined : setTimeout(abort(`not complete after ${maxTime} s`), maxTime * 1000);
  let silence = setTimeout(abort(`no answer for ${timeout} s`), timeout * 1000);
  try {
    const response = await fetch(url, { signal: control.signal });
    if (response.status === 404) return null;
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(silence);
      silence = setTimeout(abort(`no more data for ${timeout} s`), timeout * 1000);
      size += part.length;
      if (size > most) throw new Error(`the file has more than ${most} bytes`);
      parts.push(part);
      log.tick();
    }
    return Buffer.concat(parts);
  } finally {
    clearTimeout(whole);
    clearTimeout(silence);
  }
}
