// SPDX-License-Identifier: Apache-2.0
// The record of a dump that was analysed.
import type { ReportDump } from '../html/report-format.js';
import { columns } from '../report/columns.js';
import { jsonLines, recordKind } from '../report/records.js';
import { count, list, nullable, oneOf, seconds, text } from '../report/types.js';
import type { Job } from '../scan/protocol.js';

/** What is known of a dump, and what became of its analysis. */
export type DumpRow = Omit<ReportDump, 'guests'>;

export const dumps = recordKind<DumpRow>(
  'dump',
  'A dump that scan has analysed. The records of the commands follow it, each with `dump` as its second member.',
  columns<DumpRow>({
    dump: [text, 'Path of the dump as it was given; of a split dump, that of the first file that was given.'],
    files: [list(text), 'Paths of all its files.'],
    size: [nullable(count()), 'Bytes of its files; null if one of them can not be examined.'],
    mtime: [
      nullable(text),
      'When its files were last changed, as in RFC 3339 (UTC); null if one of them can not be examined.',
    ],
    format: [nullable(text), 'Its format; null if it was not recognised.'],
    release: [nullable(text), 'Release of the kernel (`uname -r`); null if the kernel was not found.'],
    buildId: [nullable(text), 'Build-id of the kernel; null if it is not known.'],
    node: [nullable(text), 'Host name (`uname -n`); null if the kernel was not found.'],
    crashTime: [nullable(text), 'When it crashed, as in RFC 3339 (UTC); null if the dump does not have it.'],
    panic: [
      nullable(text),
      'What the log of the kernel says of the crash: the message of the panic; null if there is none.',
    ],
    vms: [nullable(count()), 'Number of its VMs; 0 also if KVM is not loaded; null if they can not be listed.'],
    status: [
      oneOf('ok', 'incomplete', 'failed'),
      'ok: all commands ended with exit status 0; incomplete: a command ended with another status, or could not answer; failed: the dump could not be opened, or its analysis was ended.',
    ],
    error: [nullable(text), 'Why it failed; null if it did not.'],
    seconds: [seconds, 'Seconds that its analysis took.'],
    peakMemory: [nullable(count()), 'Most bytes of memory that its analysis needed; null if that is not known.'],
    problems: [list(text), 'Warnings, and why commands could not answer.'],
  }),
);

/** The line of JSON for a dump. */
export const dumpLine = (row: DumpRow): string => String(jsonLines([dumps]).row(row));

/** What is known of a kernel that was not found. */
export const NO_FACTS: Pick<DumpRow, 'release' | 'buildId' | 'node' | 'crashTime' | 'panic' | 'vms'> = {
  release: null,
  buildId: null,
  node: null,
  crashTime: null,
  panic: null,
  vms: null,
};

/** Milliseconds of the last second that RFC 3339 can express. */
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59);

/** A time, in milliseconds since 1970, as RFC 3339 has it; null for one that it can't express. */
export const timeText = (milliseconds: number): string | null =>
  milliseconds >= 0 && milliseconds <= LAST ? new Date(milliseconds).toISOString() : null;

/** The members of a dump's record that are known without reading it. */
export const nameOf = ({ files, size, mtime }: Job): Pick<DumpRow, 'dump' | 'files' | 'size' | 'mtime'> => ({
  dump: files[0] ?? '',
  files,
  size,
  mtime: mtime === null ? null : timeText(mtime),
});
