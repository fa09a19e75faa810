// SPDX-License-Identifier: Apache-2.0
// The rows of the tables, read from the page.
import { REPORT_ID, type ReportData, type ReportDump, type ReportVm } from '../html/report-format.js';

/** A dump of the page. */
export interface DumpEntry {
  readonly dump: ReportDump;
  readonly vms: readonly VmEntry[];
}

/** A VM, and its dump. */
export interface VmEntry {
  readonly vm: ReportVm;
  readonly dump: ReportDump;
}

/** The dumps of the page, in the order of the scan. */
export const readDumps = (): DumpEntry[] =>
  (JSON.parse(document.getElementById(REPORT_ID)?.textContent ?? '[]') as ReportData).map((dump) => ({
    dump,
    vms: dump.guests.map((vm) => ({ vm, dump })),
  }));

/** The folder that all dumps are below, with its slash; empty if there is none, or only the root. */
export function commonFolder(paths: readonly string[]): string {
  const [first = ''] = paths;
  let length = first.lastIndexOf('/') + 1;
  for (const path of paths)
    while (!path.startsWith(first.slice(0, length))) length = length === 1 ? 0 : first.lastIndexOf('/', length - 2) + 1;
  return length <= 1 ? '' : first.slice(0, length);
}
