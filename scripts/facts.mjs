// SPDX-License-Identifier: Apache-2.0
// facts.json of a fixture: addresses of its VMs and the right answers (fixtures/README.md).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from './json.mjs';

/**
 * A guest physical address and the right answer, with the members of docs/output.md. `pageSizes`: the page sizes that
 * are possible.
 *
 * @typedef {object} Case
 * @property {string} gpa
 * @property {string | null} hva
 * @property {string | null} hpa
 * @property {string} state
 * @property {boolean} protNone
 * @property {number[]} [pageSizes]
 * @property {string | null} [frame]
 * @property {{ type: number, offset: number }} [swap]
 */
/**
 * The cases of one address space of a VM: `process` and `vm` are what -g and --vm take.
 *
 * @typedef {{ name: string, process: string, vm: string | null, addressSpace: number, cases: Case[] }} Question
 */
/**
 * `levels`: number of levels of the host's page tables. `guestValues`: values that a program in the guests wrote at the
 * start of each of its pages (the complement is in the last bytes of the page).
 *
 * @typedef {{ release: string, levels: number, questions: Question[], guestValues: string[] }} Facts
 */

/**
 * The facts of a fixture's folder.
 *
 * @param {string} folder
 */
export const readFacts = (folder) => /** @type {Facts} */ (parseJson(readFileSync(join(folder, 'facts.json'), 'utf8')));
