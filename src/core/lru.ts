// SPDX-License-Identifier: Apache-2.0

/**
 * A bounded map that drops entries not used recently (second chance: a hit costs one store, not a move to the front).
 * Keys are numbers, such as frame or block numbers.
 */
export class Lru<Value> {
  readonly #at = new Map<number, number>();
  readonly #keys: Float64Array;
  readonly #used: Uint8Array;
  readonly #values: (Value | undefined)[] = [];
  #hand = 0;

  constructor(readonly capacity: number) {
    this.#keys = new Float64Array(capacity);
    this.#used = new Uint8Array(capacity);
  }

  get(key: number): Value | undefined {
    const slot = this.#at.get(key);
    if (slot === undefined) return undefined;
    this.#used[slot] = 1;
    return this.#values[slot];
  }

  set(key: number, value: Value): void {
    const known = this.#at.get(key);
    const slot = known ?? (this.#values.length < this.capacity ? this.#values.length : this.#evict());
    this.#at.set(key, slot);
    this.#keys[slot] = key;
    this.#used[slot] = 1;
    this.#values[slot] = value;
  }

  clear(): void {
    this.#at.clear();
    this.#values.length = 0;
    this.#used.fill(0);
    this.#hand = 0;
  }

  #evict(): number {
    while (this.#used[this.#hand] === 1) {
      this.#used[this.#hand] = 0;
      this.#hand = (this.#hand + 1) % this.capacity;
    }
    const slot = this.#hand;
    this.#hand = (slot + 1) % this.capacity;
    this.#at.delete(this.#keys[slot] as number);
    return slot;
  }
}
