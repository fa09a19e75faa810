// SPDX-License-Identifier: Apache-2.0
// The fixed elements of the page. The script fills those with an id.

export const CONTROLS = `<noscript><p class="notice">The picture needs JavaScript. The tables do not.</p></noscript>
<p id="reading" class="hint">Reading the picture…</p>
<section id="map" aria-label="Picture" hidden>
<div class="bar">
<fieldset id="colouring"><legend>Colour by</legend></fieldset>
<form id="search" role="search">
<label for="query">Find</label>
<select id="kind" aria-label="Kind of address">
<option value="any">any address</option>
<option value="gpa">GPA</option>
<option value="hva">HVA</option>
<option value="hpa">HPA</option>
</select>
<input id="query" type="text" inputmode="text" autocomplete="off" spellcheck="false" placeholder="hexadecimal address">
<button type="submit">Find</button>
</form>
<div class="zoom" role="group" aria-label="Zoom">
<button type="button" id="out" aria-label="Zoom out" title="Zoom out (-)">&minus;</button>
<button type="button" id="in" aria-label="Zoom in" title="Zoom in (+)">+</button>
<button type="button" id="whole" title="Whole guest (0)">Whole guest</button>
</div>
</div>
<div class="stage">
<div>
<div class="frame">
<canvas id="picture" tabindex="0" role="application" aria-label="Guest physical memory, drawn to scale" aria-describedby="keys"></canvas>
<div id="tip" hidden></div>
</div>
<p id="scale"></p>
</div>
<aside>
<section aria-labelledby="legend-title"><h2 id="legend-title">Legend</h2><ul id="legend"></ul></section>
<section aria-labelledby="overview-title"><h2 id="overview-title">Overview</h2><canvas id="overview" aria-hidden="true"></canvas></section>
<section id="results" aria-labelledby="found-title" hidden><h2 id="found-title">Found</h2><div id="found" role="status"></div></section>
<section aria-labelledby="details-title"><h2 id="details-title">Page</h2><div id="details"></div></section>
</aside>
</div>
<div id="live" class="unseen" aria-live="polite"></div>
</section>`;

export const KEYS = `<section class="keys" id="keys" aria-label="Keys">
<h2>Reading the picture</h2>
<p>Each small square is a page of 4 KiB; 32 by 16 of them are a tile of 2 MiB, which one page table maps. Guest physical
addresses ascend from left to right and then downwards: in a tile, from tile to tile, and in a guest of several GiB from
block to block of 1 GiB. The address of a page is the address on the left edge plus the offset on the top edge. Where a
point of the picture contains several pages, it has the colour of one of them, so that colours have their share of an area;
pages that need attention are never hidden by others. A page that has room for it shows its host physical address, in
hexadecimal, or its place in swap.</p>
<p>Drag to move, turn the wheel to zoom, click a page to keep its addresses. Keys in the picture: arrow keys select a page,
<kbd>[</kbd> and <kbd>]</kbd> the run before and after, <kbd>Home</kbd> and <kbd>End</kbd> the first and the last page;
<kbd>+</kbd> and <kbd>-</kbd> zoom, <kbd>0</kbd> shows the whole guest; <kbd>1</kbd>, <kbd>2</kbd>, <kbd>3</kbd> change the
colours. Everywhere: <kbd>/</kbd> goes to the search field, <kbd>Esc</kbd> ends the search and the selection.</p>
</section>`;
