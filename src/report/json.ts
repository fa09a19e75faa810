// SPDX-License-Identifier: Apache-2.0

import type { Memslot } from '../kvm/memslots/slot.js';
import type { Answer, WalkStep } from '../translate/answer.js';
import { digitsOf, digitsOfPage, digitsOfWords } from './hex.js';

/** What all answers of one run share. */
export interface Asked {
  /** The VM's process as `-g` named it, and the VM. `fd` is null where no descriptor of that process is known. */
  readonly pid: number;
  readonly vm: { readonly fd: number | null; readonly kvm: bigint };
  readonly addressSpace: number;
}

/**
 * One line of `--json` (docs/output.md, docs/output.schema.json) for each answer. Text of the run is made once, and a
 * slot's or a table's when it changes.
 */
export class JsonLines {
  readonly #asked: string;
  #slot: Memslot | null = null;
  #slotText = 'null';

  constructor(asked: Asked) {
    const { pid, vm, addressSpace } = asked;
    this.#asked = `"pid":${pid},"vm":{"fd":${vm.fd},"kvm":"0x${vm.kvm.toString(16)}"},"addressSpace":${addressSpace}`;
  }

  /** `gpa`: its hexadecimal digits; null for text that is no address. */
  line(gpa: string | null, answer: Answer): string {
    const { state, reason, page, offset, frame, pageSize, protNone } = answer;
    const mapped = state === 'mapped';
    const hva = page === null ? 'null' : `"0x${digitsOfPage(page, offset)}"`;
    const hpa = mapped ? `"0x${digitsOfPage(frame as number, offset)}"` : 'null';
    const why = mapped
      ? '"reason":null,"message":null'
      : `"reason":${quoted(reason)},"message":${quoted(answer.message)}`;
    const named = mapped || frame === null ? 'null' : `"0x${digitsOf(frame)}"`;
    return (
      `{"gpa":${gpa === null ? 'null' : `"0x${gpa}"`},"hva":${hva},"hpa":${hpa},"state":"${state}",${why},` +
      `"pageSize":${pageSize},"protNone":${protNone},"frame":${named},${this.#asked},` +
      `"slot":${this.#slotOf(answer.slot)},"walk":[${answer.steps.map(stepText).join(',')}],"swap":${swapText(answer.swap)}}\n`
    );
  }

  #slotOf(slot: Memslot | null): string {
    if (slot !== this.#slot) {
      this.#slot = slot;
      this.#slotText = slot === null ? 'null' : slotText(slot);
    }
    return this.#slotText;
  }
}

const slotText = ({ id, first, pages, hva, flags, internal }: Memslot): string =>
  `{"id":${id},"gpa":"0x${digitsOfPage(first, 0)}","size":${pages * 4096},"hva":"0x${hva.toString(16)}","flags":${flags},"internal":${internal}}`;

const stepText = ({ level, address, hi, lo }: WalkStep): string =>
  `{"level":"${level}","address":"0x${digitsOf(address)}","entry":"0x${digitsOfWords(hi, lo)}"}`;

/** JSON lets DEL and the C1 controls stand as they are; a terminal may obey them. */
const quoted = (text: string | null): string =>
  JSON.stringify(text).replace(/[\x7f-\x9f]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);

const swapText = (swap: Answer['swap']): string =>
  swap === null ? 'null' : `{"type":${swap.type},"offset":${swap.offset},"device":${quoted(swap.device)}}`;
