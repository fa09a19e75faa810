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
