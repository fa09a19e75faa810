// SPDX-License-Identifier: Apache-2.0
// What a page about many dumps says first.
import { size } from '../report/table.js';
import { html } from './escape.js';
import { type ReportDump, type ReportStatus, STATUSES } from './report-format.js';

/** Entries of a list; most fleets have few kernels and few kinds of failure. */
const MOST_ENTRIES = 6;
/** Characters of an entry. */
const LONGEST = 120;
/** Different texts that are counted. */
const MOST_TEXTS = 100_000;
/** What differs between two dumps with the same cause: addresses and other numbers, but not those of versions. */
const VARIABLE = /\b(?:0x[0-9a-f]+|[0-9a-f]{6,})\b|(?<![\w.-])[0-9]+(?![\w.-])/g;

/** Numbers of dumps by a text that they have in common. */
class Counts {
  readonly #dumps = new Map<string, number>();

  add(text: string): void {
    const known = this.#dumps.get(text);
    if (known !== undefined || this.#dumps.size < MOST_TEXTS) this.#dumps.set(text, (known ?? 0) + 1);
  }

  /** A list of the most frequent ones under a title; nothing if there are none. The script makes them into searches. */
  list(title: string, id: string): string {
    if (this.#dumps.size === 0) return '';
    const all = [...this.#dumps].sort(([, a], [, b]) => b - a);
    const items = all.slice(0, MOST_ENTRIES).map(([text, dumps]) => {
      const query = text.replaceAll('…', ' ').trim();
      return `<li><span class="count">${number(dumps)}</span> <span data-query="${html(query)}">${html(text)}</span></li>`;
    });
    const rest = all.slice(MOST_ENTRIES).reduce((sum, [, dumps]) => sum + dumps, 0);
    if (rest > 0) items.push(`<li><span class="count">${number(rest)}</span> <span>others</span></li>`);
    return `<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2><ul>${items.join('\n')}</ul></section>\n`;
  }
}

/** Collects what the summary says, dump by dump. */
export class Summary {
  readonly statuses: Record<ReportStatus, number> = { failed: 0, incomplete: 0, ok: 0 };
  dumps = 0;
  readonly #errors = new Counts();
  readonly #panics = new Counts();
  readonly #releases = new Counts();
  #bytes = 0;
  #seconds = 0;
  #vms = 0;
  #pictures = 0;
  #firstCrash: string | null = null;
  #lastCrash: string | null = null;

  add(dump: ReportDump): void {
    this.dumps++;
    this.statuses[dump.status]++;
    this.#bytes += dump.size ?? 0;
    this.#seconds += dump.seconds;
    this.#vms += dump.vms ?? dump.guests.length;
    this.#pictures += dump.guests.filter(({ picture }) => picture !== null).length;
    const why = dump.status === 'ok' ? undefined : (dump.error ?? dump.problems[0]);
    // Messages of the same failure differ in the name of the dump.
    if (why !== undefined) this.#errors.add(alike(without(why, dump)));
    if (dump.panic !== null) this.#panics.add(alike(dump.panic));
    if (dump.release !== null) this.#releases.add(dump.release);
    const { crashTime } = dump;
    if (crashTime === null) return;
    if (this.#firstCrash === null || crashTime < this.#firstCrash) this.#firstCrash = crashTime;
    if (this.#lastCrash === null || crashTime > this.#lastCrash) this.#lastCrash = crashTime;
  }

  /** The summary as HTML. */
  text(): string {
    const lists = [
      this.#errors.list('Why dumps failed or are incomplete', 'errors-title'),
      this.#panics.list('Panics', 'panics-title'),
      this.#releases.list('Kernels', 'releases-title'),
    ];
    return `<section class="summary" aria-labelledby="summary-title">
<h2 id="summary-title" class="unseen">Summary</h2>
<p class="verdict">${this.#verdict()}</p>
<p>${this.#sums()}</p>
<div class="lists">
${lists.join('')}</div>
</section>
`;
  }

  #verdict(): string {
    const { failed, incomplete, ok } = this.statuses;
    const all = this.dumps === 1 ? 'The dump' : `All ${number(this.dumps)} dumps`;
    for (const [count, word] of [
      [ok, 'answered everything.'],
      [failed, 'failed.'],
      [incomplete, 'gave incomplete answers.'],
    ] as const)
      if (count === this.dumps) return `${all} ${word}`;
    const parts = STATUSES.filter((status) => this.statuses[status] > 0).map((status) => {
      const words = { failed: 'failed', incomplete: 'gave incomplete answers', ok: 'answered everything' };
      return `<strong>${number(this.statuses[status])}</strong> ${words[status]}`;
    });
    return `Of ${number(this.dumps)} dumps, ${parts.join(', ')}.`;
  }

  #sums(): string {
    const [first, last] = [this.#firstCrash, this.#lastCrash].map((time) => (time ?? '').slice(0, 10));
    const when = first === '' ? [] : [first === last ? `crashed on ${first}` : `crashed from ${first} to ${last}`];
    const pictures = this.#pictures === 0 ? '' : `, ${number(this.#pictures)} of them with a picture`;
    return [
      `${number(this.#vms)} ${this.#vms === 1 ? 'VM' : 'VMs'}${pictures}`,
      `${size(this.#bytes)} of dumps`,
      ...when.map(html),
      `${number(Math.round(this.#seconds))} seconds of work`,
    ].join(' · ');
  }
}

const number = (count: number): string => count.toLocaleString('en-US');

/** What texts about the same cause have in common. */
function alike(text: string): string {
  const common = text.replace(VARIABLE, '…');
  return common.length <= LONGEST ? common : `${common.slice(0, LONGEST).replace(/\S*$/, '').trimEnd()} …`;
}

/** A message without the names of the files, with which it often begins. */
const without = (message: string, { dump, files }: ReportDump): string =>
  [dump, ...files].reduce((text, name) => text.replaceAll(`${name}: `, '').replaceAll(name, '…'), message);
