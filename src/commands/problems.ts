// SPDX-License-Identifier: Apache-2.0
// Reports on standard error what the text and the CSV of rows do not show.
import type { Log } from '../core/log.js';
import type { RecordKind, RowWriter } from '../report/records.js';

/** The most messages that are logged. */
const MOST = 20;

/** Logs messages, each kind of message once, and at most `MOST`. At the end logs how many were left out. */
export class Warnings {
  readonly #kinds = new Set<string>();
  #omitted = 0;

  /** `rest`: where the messages that were left out can be read. */
  constructor(
    readonly log: Log,
    readonly rest: string,
  ) {}

  /** `kind`: messages of one kind say the same. `text` is called only for those that are logged. */
  add(kind: string, text: () => string): void {
    if (this.#kinds.size >= MOST || this.#kinds.has(kind)) {
      this.#omitted++;
      return;
    }
    this.#kinds.add(kind);
    this.log.warn(text());
  }

  /** Called after the last message. */
  end(): void {
    if (this.#omitted > 0)
      this.log.warn(
        `${this.#omitted === 1 ? '1 similar message is' : `${this.#omitted} similar messages are`} not shown; ${this.rest}`,
      );
  }
}

/** A problem without its numbers: many rows have the same problem at different addresses. */
const kindOf = (problem: string): string => problem.replace(/\b(?:0x[0-9a-f]+|[0-9]+)\b/g, '#');

/** A writer that also logs the `problems` of its rows, if rows of this kind have that member and its output does not. */
export function warning(writer: RowWriter<unknown>, { columns }: RecordKind<never>, log: Log): RowWriter<unknown> {
  if (writer.showsProblems === true || !columns.some(({ name }) => name === 'problems')) return writer;
  const warnings = new Warnings(log, "--json has them all, as 'problems'");
  const all = new Set<string>();
  return {
    begin: () => writer.begin?.() ?? '',
    row(row) {
      for (const problem of (row as { readonly problems: readonly string[] }).problems) {
        // What is known of all VMs is a problem of each row.
        if (!all.has(problem)) warnings.add(kindOf(problem), () => problem);
        all.add(problem);
      }
      return writer.row(row);
    },
    end() {
      warnings.end();
      return writer.end?.() ?? '';
    },
  };
}
