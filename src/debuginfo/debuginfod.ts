// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { BytesSource } from '../core/bytes-source.js';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { ElfObject } from '../elf/sections.js';
import { cacheHome, hasContents, writeWhole } from '../io/cache-folder.js';

/** Seconds without a byte before a server is given up, where DEBUGINFOD_TIMEOUT does not say (debuginfod_find_debuginfo(3)). */
const TIMEOUT = 90;
/** Bytes: a vmlinux with debug information has 1 GB at the most. */
const MOST = 2 ** 31;

/** What the client's environment says, by the names that elfutils' client reads. */
export interface DebuginfodSettings {
  readonly urls: readonly string[];
  /** Folder of the client's cache; null if the user has none: fetched files then serve this run only. */
  readonly cache: string | null;
  readonly timeout: number;
  readonly maxTime: number | null;
  readonly maxSize: number | null;
}

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
 * Fetches the debug information of a build-id: its path in the client's cache folder, or its bytes where that can't be
 * written to; null when no server has it.
 */
export async function fetchDebuginfo(
  buildId: string,
  settings: DebuginfodSettings,
  log: Log,
): Promise<string | BytesSource | null> {
  if (settings.urls.length === 0)
    throw new DumpError('debuginfod: DEBUGINFOD_URLS is not set', {
      code: 'system',
      hint: 'it names the servers, for example https://debuginfod.debian.net',
    });
  const path = settings.cache === null ? null : join(settings.cache, buildId, 'debuginfo');
  // elfutils' client leaves an empty file where no server had anything.
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
    log.found(`kept at ${path}`);
    return true;
  } catch (cause) {
    log.warn(
      `${path}: what debuginfod sent can't be kept, so that it is fetched again next time: ${(cause as Error).message}; DEBUGINFOD_CACHE_PATH names another folder`,
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
    if (!isSafe(url)) throw new Error('only https is asked, and http on this machine');
    const body = await download(url, settings, log);
    const theirs = body === null ? buildId : new ElfObject(new BytesSource(url.href, body)).buildId;
    // What is wrong must not be kept under a right name.
    if (theirs !== buildId) throw new Error(`it sent a file of build-id ${theirs ?? 'none'}, ${buildId} was asked for`);
    return body;
  } catch (error) {
    const { message, cause } = error as Error;
    log.warn(`debuginfod ${server}: ${cause instanceof Error ? cause.message : message}`);
    return null;
  }
}

/** What comes over plain http anybody on the way can change. */
const isSafe = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname));

async function download(url: URL, settings: DebuginfodSettings, log: Log): Promise<Uint8Array | null> {
  const { timeout, maxTime, maxSize } = settings;
  const most = Math.min(MOST, maxSize ?? MOST);
  const control = new AbortController();
  const abort = (why: string) => () => {
    control.abort(new Error(why));
  };
  const whole = maxTime === null ? undefined : setTimeout(abort(`not done after ${maxTime} s`), maxTime * 1000);
  let silence = setTimeout(abort(`no answer for ${timeout} s`), timeout * 1000);
  try {
    const response = await fetch(url, { signal: control.signal });
    if (response.status === 404) return null;
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(silence);
      silence = setTimeout(abort(`nothing more for ${timeout} s`), timeout * 1000);
      size += part.length;
      if (size > most) throw new Error(`more than ${most} bytes`);
      parts.push(part);
      log.tick();
    }
    return Buffer.concat(parts);
  } finally {
    clearTimeout(whole);
    clearTimeout(silence);
  }
}
