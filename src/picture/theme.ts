// SPDX-License-Identifier: Apache-2.0
import type { Colour } from './palette.js';

const darkness = window.matchMedia('(prefers-color-scheme: dark)');
const stillness = window.matchMedia('(prefers-reduced-motion: reduce)');

/** Calls `changed` when the reader switches between light and dark. */
export function onTheme(changed: () => void): void {
  darkness.addEventListener('change', changed);
}

/** The colour for the page as it is now. */
export const shade = ({ light, dark }: Colour): string => (darkness.matches ? dark : light);

/** Whether the reader wants no motion. */
export const isStill = (): boolean => stillness.matches;

/** Colours of the canvas that do not stand for memory. */
export const INK = {
  background: { light: '#ffffff', dark: '#15191e' },
  text: { light: '#4a535d', dark: '#a7b1bc' },
  strong: { light: '#14181c', dark: '#ffffff' },
  line: { light: '#ffffff', dark: '#15191e' },
  edge: { light: '#aab3bd', dark: '#4d5863' },
  /** Addresses without a memslot. */
  nothing: { light: '#f4f6f8', dark: '#1b2026' },
} as const satisfies Record<string, Colour>;

export const FONT = '11px ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace';
