// SPDX-License-Identifier: Apache-2.0
// What all pages begin with. They load nothing.
import { createHash } from 'node:crypto';
import type { Assets } from './assets.js';
import { html } from './escape.js';

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The page may run its own script and use its own style sheet. It may load nothing, whatever is in it. */
const policy = ({ script, style }: Assets): string =>
  [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

/** An icon, so that a browser does not ask a server for one. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 4 4'%3E%3Cpath fill='%230072b2' d='M0 0h4v3H0z'/%3E%3Cpath fill='%23e69f00' d='M2 1h1v2H2z'/%3E%3C/svg%3E";

/** What a page is about. */
export interface Heading {
  readonly title: string;
  /** Names and values. */
  readonly facts: readonly (readonly [string, string])[];
}

/** The start of a page, up to its heading. */
export const headOf = ({ title, facts }: Heading, made: Assets): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(made)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${html(title)}</title>
<link rel="icon" href="${ICON}">
<style>${made.style}</style>
<!--
${made.licences.replaceAll('--', '- -')}
-->
</head>
<body>
<header>
<h1>${html(title)}</h1>
<dl class="facts">${facts.map(([name, value]) => `<div><dt>${html(name)}</dt><dd>${html(value)}</dd></div>`).join('')}</dl>
</header>
`;
