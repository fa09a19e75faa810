// SPDX-License-Identifier: Apache-2.0
// The recorded hosts in $KVM_VTOP_SHARED (default ../shared), for what fixtures are too small for; and a cache folder that is removed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dumps = join(resolve(process.env.KVM_VTOP_SHARED ?? join(root, '..', 'shared')), 'dumps');

/** Hosts, and the pid of a VM of each. */
export const HOSTS = [
  { host: 'debian-5.10-lzo', pid: '132' },
  { host: 'debian-6.1-zlib', pid: '136' },
  { host: 'debian-6.12-zstd', pid: '182' },
  { host: 'debian-7.2-zstd-contents', pid: '147' },
];

/** The dump of a host. @type {(host: string) => string} */
export const dumpOf = (host) => join(dumps, host, 'vmcore');

/** What is kept from now on is in a folder of this process. */
export function useOwnCache() {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-records-'));
  process.env.XDG_CACHE_HOME = folder;
  process.on('exit', () => {
    rmSync(folder, { recursive: true });
  });
}
