// SPDX-License-Identifier: Apache-2.0
// The data in the page of `scan --html`, for the program that writes it and for the script in the page that reads it.

/** The id of the element that holds the `ReportData`. */
export const REPORT_ID = 'report-data';

/** What became of a dump, the worst first. */
export const STATUSES = ['failed', 'incomplete', 'ok'] as const;
export type ReportStatus = (typeof STATUSES)[number];

/** A dump: its record, and its VMs. */
export interface ReportDump {
  readonly dump: string;
  /** Its files; empty if it is only one. */
  readonly files: readonly string[];
  readonly size: number | null;
  readonly mtime: string | null;
  readonly format: string | null;
  readonly release: string | null;
  readonly buildId: string | null;
  readonly node: string | null;
  readonly crashTime: string | null;
  readonly panic: string | null;
  /** Number of its VMs. */
  readonly vms: number | null;
  readonly status: ReportStatus;
  readonly error: string | null;
  readonly seconds: number;
  readonly peakMemory: number | null;
  readonly problems: readonly string[];
  /** The VMs of which there are records. */
  readonly guests: readonly ReportVm[];
}

/** A VM. Its memory is in bytes. */
export interface ReportVm {
  /** Address of struct kvm. */
  readonly kvm: string;
  readonly pid: number | null;
  readonly name: string | null;
  readonly uuid: string | null;
  /** Name of the process. */
  readonly comm: string | null;
  readonly memory: number | null;
  readonly vcpus: number | null;
  readonly type: string | null;
  /** The states of its memory in words, and their bytes; null if nothing was asked that says them. */
  readonly states: readonly (readonly [string, number])[] | null;
  readonly problems: readonly string[];
  /** Where its picture is, as a relative URL; null if there is none. */
  readonly picture: string | null;
}

/** The data of a page: the dumps in the order of the scan. */
export type ReportData = readonly ReportDump[];
