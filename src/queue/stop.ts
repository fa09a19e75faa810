// SPDX-License-Identifier: Apache-2.0

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Says when work is to end: a signal asks for it, or somebody here. A second signal ends the process. */
export class Stop {
  readonly #over: Promise<void>;
  #resolve: () => void = () => undefined;
  #isOver = false;
  readonly #onSignal = (): void => {
    this.now();
  };

  constructor() {
    this.#over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of SIGNALS) process.once(signal, this.#onSignal);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  now(): void {
    this.#isOver = true;
    this.#resolve();
  }

  /** Waits until `other` is settled, or work is to end; null in that case. */
  async before<T>(other: Promise<T>): Promise<T | null> {
    // Who stopped waiting is not told of its failure.
    other.catch(() => undefined);
    return Promise.race([other, this.#over.then(() => null)]);
  }

  /** Waits for so many milliseconds, or less if work is to end. */
  async pause(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await this.before(
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds);
      }),
    );
    clearTimeout(timer);
  }

  /** Signals are again what they were. */
  close(): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#onSignal);
  }
}
