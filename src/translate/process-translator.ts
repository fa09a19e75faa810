// SPDX-License-Identifier: Apache-2.0
import type { Vpn } from '../core/address.js';
import type { Reason, State } from '../core/outcome.js';
import type { MmRun } from '../spaces/mm-run.js';
import type { MmSpace } from '../spaces/mm-space.js';
import type { WalkStep } from '../spaces/page-lookup.js';
import type { SwapPlace } from '../spaces/space.js';
import type { Answer } from './answer.js';

/** Translates virtual addresses of a process. The object is itself the answer for the last address. */
export class ProcessTranslator implements Answer {
  readonly slot = null;
  page: number | null = null;
  offset = 0;
  readonly #space: MmSpace;
  #answer: MmRun;

  constructor(space: MmSpace) {
    this.#space = space;
    this.#answer = space.page(space.limit);
  }

  /** Translates an address given as page number and `offset` in the page. `page`: null from 2^52 on. */
  translate(page: Vpn | null, offset: number): State {
    this.page = page;
    this.offset = offset;
    this.#answer = this.#space.page(page ?? this.#space.limit);
    return this.#answer.state;
  }

  get state(): State {
    return this.#answer.state;
  }

  get reason(): Reason | null {
    return this.#answer.reason;
  }

  get message(): string | null {
    return this.#answer.message;
  }

  get frame(): number | null {
    return this.#answer.frame;
  }

  get pageSize(): number | null {
    return this.#answer.pageSize;
  }

  get protNone(): boolean {
    return this.#answer.protNone;
  }

  get steps(): readonly WalkStep[] {
    return this.#space.steps;
  }

  get swap(): SwapPlace | null {
    return this.#answer.swap;
  }
}
