// SPDX-License-Identifier: Apache-2.0

/** The name that a word was probably meant as, if it differs from it in few letters; null if there is none. */
export function similarTo(word: string, names: readonly string[]): string | null {
  const [best] = names
    .map((name) => ({ name, distance: distance(word, name) }))
    .filter(({ name, distance: count }) => count <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return best?.name ?? null;
}

/** Number of letters to insert, remove or replace, or of neighbours to swap, that turn one word into another. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]?.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, change, swapped));
    }
  }
  return at(a.length, b.length);
}
