// SPDX-License-Identifier: Apache-2.0
// Counts the outcomes of all mutants.

import { WALKED } from './changed.mjs';

/** @import { Report } from './share.mjs' */

const SLOWEST_MS = 5000;
const MOST_GROWN = 300 * 1024 * 1024;
const MOST_SHOWN = 20;
const PROGRESS = 10_000;

/** @type {(map: Map<string, number>, key: string) => void} */
const add = (map, key) => {
  map.set(key, (map.get(key) ?? 0) + 1);
};

/**
 * A mutant is bad if its answer is wrong without an excuse, or if it is too slow or too large.
 *
 * @type {(report: Report) => boolean}
 */
const isBad = ({ outcome, ms, grown }) =>
  outcome === 'WRONG' || outcome === 'internal error' || ms > SLOWEST_MS || grown > MOST_GROWN;

/** Milliseconds that a mutant may take. */
export const LIMIT_MS = SLOWEST_MS;

/** Counts the mutants, prints bad ones at once, and a summary at the end. */
export class Tally {
  #mutants;
  #done = 0;
  #bad = 0;
  #largest = 0;
  #ms = 0;
  /** @type {(Report & { fixture: string }) | null} */
  #slowest = null;
  /** Mutants by the structure that was changed, then by outcome. @type {Map<string, Map<string, number>>} */
  #counts = new Map();
  /** Wrong answers by their excuse. @type {Map<string, number>} */
  #excused = new Map();

  /** How many excused answers are still to be printed. */
  #toShow;

  /**
   * @param {number} mutants their number, if none is left out
   * @param {number} excused how many answers that are excused by other bytes than page-table entries are printed
   */
  constructor(mutants, excused) {
    this.#mutants = mutants;
    this.#toShow = excused;
  }

  /** Counts a mutant. @type {(fixture: string, report: Report) => void} */
  take(fixture, report) {
    this.#done++;
    this.#ms += report.ms;
    /** @type {Map<string, number>} */
    const outcomes = this.#counts.get(report.hit) ?? new Map();
    this.#counts.set(report.hit, outcomes);
    add(outcomes, report.outcome);
    if ('where' in report) this.#excuse(fixture, report);
    if (this.#slowest === null || report.ms > this.#slowest.ms) this.#slowest = { ...report, fixture };
    this.#largest = Math.max(this.#largest, report.rss);
    if (isBad(report)) {
      const { mutant, form, hit, outcome, ms } = report;
      const detail = 'detail' in report ? report.detail : '';
      const text = `${fixture} mutant ${mutant}: ${form}, ${hit}: ${outcome}, ${Math.round(ms)} ms ${detail}`;
      if (this.#bad++ < MOST_SHOWN || outcome === 'WRONG') console.log(text);
    }
    if (this.#done % PROGRESS === 0) console.error(`${this.#done} of ${this.#mutants}`);
  }

  /** @type {(fixture: string, report: Report & { where: string, detail: string }) => void} */
  #excuse(fixture, { mutant, form, where, detail }) {
    add(this.#excused, where);
    if (where !== WALKED && this.#toShow-- > 0)
      console.log(`${fixture} mutant ${mutant}: ${form}: excused by ${where}: ${detail}`);
  }

  /** Counts a mutant that gave no report. @type {(text: string) => void} */
  lose(text) {
    this.#bad++;
    console.log(text);
  }

  get isGood() {
    return this.#bad === 0;
  }

  /**
   * Prints the counts.
   *
   * @param {string} run description of the run, for the first line
   * @param {number} workers
   */
  print(run, workers) {
    console.log(`\n${this.#done} mutants of ${run}\n`);
    this.#printTable();
    const excuses = [...this.#excused].sort(([, a], [, b]) => b - a).map(([where, count]) => `${where} ${count}`);
    console.log(`\nwrong, and a changed byte was read, by where it was: ${excuses.join(', ') || 'none'}`);
    if (this.#slowest !== null) {
      const { ms, fixture, mutant, form, hit } = this.#slowest;
      console.log(
        `slowest: ${Math.round(ms)} ms (${fixture} mutant ${mutant}, ${form}, ${hit}); mean ${(this.#ms / this.#done).toFixed(1)} ms`,
      );
    }
    console.log(`largest process: ${Math.round(this.#largest / 1048576)} MB with ${workers} workers`);
    console.log(`${this.#bad} bad`);
  }

  /** A row for each structure that was changed, a column for each outcome. */
  #printTable() {
    const rows = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    const outcomes = [...new Set(rows.flatMap(([, counts]) => [...counts.keys()]))].sort();
    console.log(`| what was changed | ${outcomes.join(' | ')} |\n| --- |${' --- |'.repeat(outcomes.length)}`);
    for (const [hit, counts] of rows)
      console.log(`| ${hit} | ${outcomes.map((outcome) => counts.get(outcome) ?? 0).join(' | ')} |`);
    const sums = outcomes.map((outcome) => rows.reduce((sum, [, counts]) => sum + (counts.get(outcome) ?? 0), 0));
    console.log(`| all | ${sums.join(' | ')} |`);
  }
}
