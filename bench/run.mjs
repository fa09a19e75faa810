// SPDX-License-Identifier: Apache-2.0
// npm run bench: compares kvm-vtop with drgn and crash on the same dumps, and measures its own speed in one process.
//
//   KVM_VTOP_SHARED      folder of recorded hosts (default ../shared)
//   KVM_VTOP_PEERS       root folder in which `chroot … crash` and `chroot … python3` (with drgn) run; if it is not
//                        set, nothing is compared
//   KVM_VTOP_DEBUG       folder with RELEASE/usr/lib/debug (Debian's debug packages, unpacked), also visible in that
//                        root
//   KVM_VTOP_BENCH_RUNS  number of pairs for a comparison (default 7)
//   KVM_VTOP_BENCH_ONLY  address: only one address, against drgn, which takes two minutes with 15 pairs; pages: only many
//                        addresses and pages of a host; scan: only scan of many dumps
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { present } from '../scripts/present.mjs';
import { hex, RecordedHost } from '../scripts/recorded-host.mjs';
import { inProcess, pagesPerSecond, throughput } from './alone.mjs';
import { many } from './many.mjs';
import { timed } from './measure.mjs';
import { comparePeers, drgnFor, loopsOver } from './peers.mjs';
import { scale } from './scale.mjs';

/** @import { Places } from './peers.mjs' */

const HOSTS = ['debian-5.10-lzo', 'debian-6.1-zlib', 'debian-6.12-zstd', 'debian-7.2-zstd-contents'];
/** The host whose dump is copied for scan. */
const MANY = 'debian-6.12-zstd';
/** The host that is made larger: one with page tables of 4 levels. */
const SCALED = 'debian-6.1-zlib';
const VM = 'alpha';
const GPA = '1001840';
const PAGE = 4096n;

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'kvm-vtop-bench-'));
process.on('exit', () => {
  rmSync(scratch, { recursive: true });
});
/** @type {Places} */
const places = {
  cli: [process.execPath, join(root, 'dist', 'cli.js')],
  shared: resolve(process.env.KVM_VTOP_SHARED ?? join(root, '..', 'shared')),
  scratch,
  peers: process.env.KVM_VTOP_PEERS,
  debug: process.env.KVM_VTOP_DEBUG,
  only: process.env.KVM_VTOP_BENCH_ONLY,
};
if (places.only !== undefined && !['address', 'pages', 'scan'].includes(places.only))
  throw new Error(`KVM_VTOP_BENCH_ONLY is ${places.only}; it must be address, pages or scan`);
/** Whether a part is measured. @type {(part: string) => boolean} */
const isMeasured = (part) => places.only === undefined || places.only === part;
const dumps = join(places.shared, 'dumps');

// node parses these certificates at each start, which other programs do not.
if (process.env.NODE_EXTRA_CA_CERTS !== undefined) console.log('NODE_EXTRA_CA_CERTS is taken out of the environment');
delete process.env.NODE_EXTRA_CA_CERTS;
const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${kernel}`);
if (places.peers) {
  const { stdout } = timed(['chroot', places.peers, 'dpkg-query', '-W', 'crash', 'python3-drgn']);
  console.log(stdout.trim().replaceAll('\n', ', ').replaceAll('\t', ' '));
}
for (const name of HOSTS.filter((host) => existsSync(join(dumps, host)))) {
  const folder = join(dumps, name);
  const dump = join(folder, 'vmcore');
  const host = new RecordedHost(folder);
  const { pid } = present(
    host.facts('GUEST').find((guest) => guest.name === VM),
    `guest ${VM} of ${name}`,
  );
  const pages = host.pages(VM);
  const start = hex(GPA) - (hex(GPA) % PAGE);
  const { hva } = present(
    pages.find(({ gpa }) => gpa === start),
    `GPA ${GPA} of ${VM} of ${name}`,
  );
  const question = { name, dump, release: host.host().release, pid, gpa: GPA, hva: hva.toString(16) };
  if (isMeasured('address')) comparePeers(places, question);
  if (isMeasured('scan') && name === MANY) many(places, { ...question, peers: loopsOver(places, question) });
  if (!isMeasured('pages')) continue;
  await inProcess(name, dump, pid);
  const gpas = pages.map(({ gpa }) => gpa);
  throughput(name, [...places.cli, '-c', dump, '-g', pid], gpas, scratch);
  pagesPerSecond(name, [...places.cli, 'page', '-c', dump], scratch);
}
if (places.only === undefined && existsSync(join(dumps, SCALED))) {
  const host = new RecordedHost(join(dumps, SCALED));
  const { pid } = present(
    host.facts('VM').find(({ name }) => name === 'protnone'),
    'a VM of two slots',
  );
  const { release } = host.host();
  scale(places, { source: join(dumps, SCALED, 'vmcore'), pid, drgn: drgnFor(places, { release, pid }) });
}
if (!existsSync(dumps))
  console.log(
    `no recorded hosts in ${places.shared}: ${readdirSync(join(root, 'fixtures')).join(', ')} are too small to time`,
  );
