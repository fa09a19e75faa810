// SPDX-License-Identifier: Apache-2.0
// What the tables show.
import { make } from '../browser/elements.js';
import { type ReportDump, type ReportStatus, STATUSES } from '../html/report-format.js';
import type { Column } from './grid.js';
import type { DumpEntry, VmEntry } from './rows.js';
import { bytes, host, number, seconds, states, time } from './words.js';

/** A sign for each status, so that colours are not needed. */
const SIGNS: Readonly<Record<ReportStatus, string>> = { failed: '✕', incomplete: '▲', ok: '●' };

/** A status, with its sign. */
export const statusMark = (status: ReportStatus): HTMLElement =>
  make('span', { class: `status ${status}` }, make('span', { 'aria-hidden': 'true' }, SIGNS[status]), ` ${status}`);

/** Why a dump failed, or the first of its problems. */
function problemOf({ error, problems }: ReportDump): string {
  const [first = '', ...others] = error === null ? problems : [error, ...problems];
  return others.length === 0 ? first : `${first} (and ${others.length} more)`;
}

/** Characters of a path that are shown: its end, in which dumps differ. */
const PATH = 28;

/** The path of a dump. `folder`: what is left out where it is shown. */
const pathColumn = (folder: string): Column<{ readonly dump: ReportDump }> => ({
  heading: 'Dump',
  width: 19,
  text: ({ dump }) => dump.dump,
  content({ dump }) {
    const path = dump.dump.slice(folder.length);
    return path.length <= PATH ? path : `…${path.slice(1 - PATH)}`;
  },
});

/** The columns of the dumps. `folder`: what is left out of their paths. */
export const dumpColumns = (folder: string): Column<DumpEntry>[] => [
  {
    heading: 'Status',
    width: 8,
    text: ({ dump }) => dump.status,
    value: ({ dump }) => STATUSES.indexOf(dump.status),
    content: ({ dump }) => statusMark(dump.status),
  },
  pathColumn(folder),
  {
    heading: 'Problem',
    width: 22,
    text: ({ dump }) => problemOf(dump),
    // Its name is in the column before.
    content: ({ dump }) => problemOf(dump).replaceAll(`${dump.dump}: `, ''),
  },
  { heading: 'VMs', width: 4.5, kind: 'number', text: ({ dump }) => number(dump.vms), value: ({ dump }) => dump.vms },
  { heading: 'Host', width: 9, text: ({ dump }) => host(dump.node) },
  { heading: 'Kernel', width: 13, text: ({ dump }) => dump.release ?? '' },
  { heading: 'Crashed (UTC)', width: 12.5, text: ({ dump }) => time(dump.crashTime) },
  { heading: 'Panic', width: 18, text: ({ dump }) => dump.panic ?? '' },
  { heading: 'Size', width: 6.5, kind: 'number', text: ({ dump }) => bytes(dump.size), value: ({ dump }) => dump.size },
  {
    heading: 'Seconds',
    width: 6,
    kind: 'number',
    text: ({ dump }) => seconds(dump.seconds),
    value: ({ dump }) => dump.seconds,
  },
  {
    heading: 'Memory',
    width: 6.5,
    kind: 'number',
    text: ({ dump }) => bytes(dump.peakMemory),
    value: ({ dump }) => dump.peakMemory,
  },
];

/** A link to the picture of a VM. */
export const pictureLink = (url: string, name: string): HTMLElement =>
  make('a', { href: url, target: '_blank', rel: 'noopener', 'aria-label': `Picture of ${name}` }, 'picture');

export const nameOf = ({ vm }: VmEntry): string =>
  vm.name ?? (vm.pid === null ? `the VM at ${vm.kvm}` : `pid ${vm.pid}`);

/** The columns of the VMs. */
export const vmColumns = (folder: string): Column<VmEntry>[] => [
  { heading: 'Name', width: 12, text: ({ vm }) => vm.name ?? '' },
  { heading: 'Pid', width: 6, kind: 'number', text: ({ vm }) => `${vm.pid ?? ''}`, value: ({ vm }) => vm.pid },
  { heading: 'Process', width: 10, text: ({ vm }) => vm.comm ?? '' },
  { heading: 'Memory', width: 6.5, kind: 'number', text: ({ vm }) => bytes(vm.memory), value: ({ vm }) => vm.memory },
  { heading: 'vCPUs', width: 5, kind: 'number', text: ({ vm }) => number(vm.vcpus), value: ({ vm }) => vm.vcpus },
  { heading: 'State of the memory', width: 22, text: ({ vm }) => states(vm.states) },
  {
    heading: 'Picture',
    width: 5.5,
    text: ({ vm }) => (vm.picture === null ? '' : 'picture'),
    content: (entry) => (entry.vm.picture === null ? '' : pictureLink(entry.vm.picture, nameOf(entry))),
  },
  pathColumn(folder),
  { heading: 'Host', width: 9, text: ({ dump }) => host(dump.node) },
  { heading: 'Kernel', width: 13, text: ({ dump }) => dump.release ?? '' },
  { heading: 'Problem', width: 22, text: ({ vm }) => vm.problems.join('; ') },
];
