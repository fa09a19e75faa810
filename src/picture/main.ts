// SPDX-License-Identifier: Apache-2.0
// The script of the page of `map --html`. The browser runs it; it reads what is in the page, and nothing else.

import { byId, make } from '../browser/elements.js';
import { Details } from './details.js';
import { listen, zoomBy } from './keys.js';
import { Legend } from './legend.js';
import { Model } from './model.js';
import { COLOURINGS } from './palette.js';
import { Search } from './search.js';
import { Stage } from './stage.js';
import { followPointer } from './tip.js';

function start(): void {
  const model = Model.read();
  const reading = byId('reading', HTMLElement);
  if (model.picture.extents.length === 0) {
    reading.textContent = 'There is no picture: there are no pages to show.';
    document.documentElement.dataset.ready = '';
    return;
  }
  reading.hidden = true;
  byId('map', HTMLElement).hidden = false;
  const details = new Details(model);
  const stage = new Stage(model, details);
  const legend = new Legend(model.picture, (choice) => {
    stage.recolour(choice);
  });
  const search = new Search(model, ({ page, offset }) => {
    stage.select(page, offset, true);
  });
  followPointer(stage);
  stage.canvas.addEventListener('click', ({ offsetX, offsetY }) => {
    const page = stage.pageAt(offsetX, offsetY);
    if (page !== null) stage.select(page);
  });
  const colourings = COLOURINGS.map((colouring, i) => [
    `${i + 1}`,
    () => {
      legend.choose(colouring);
    },
  ]);
  listen(stage, Object.fromEntries(colourings) as Record<string, () => void>);
  buttons(stage);
  rows(stage);
  pageKeys(stage, search);
  document.documentElement.dataset.ready = '';
}

function buttons(stage: Stage): void {
  byId('in', HTMLButtonElement).addEventListener('click', () => {
    zoomBy(stage, 2);
  });
  byId('out', HTMLButtonElement).addEventListener('click', () => {
    zoomBy(stage, 0.5);
  });
  byId('whole', HTMLButtonElement).addEventListener('click', () => {
    stage.camera.showWhole();
  });
}

/** Makes the first cells of the slots' rows into buttons that show the slot. */
function rows(stage: Stage): void {
  for (const cell of document.querySelectorAll<HTMLElement>('[data-shows]')) {
    const button = make('button', { type: 'button', class: 'link', title: 'Show in the picture' }, ...cell.childNodes);
    cell.append(button);
    button.addEventListener('click', () => {
      byId('map', HTMLElement).scrollIntoView({ block: 'start' });
      stage.select(Number(cell.dataset.shows), 0, true);
    });
  }
}

function pageKeys(stage: Stage, search: Search): void {
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLInputElement && event.target.type === 'text';
    if (event.key === 'Escape') {
      search.clear();
      stage.deselect();
      if (isTyping) stage.canvas.focus();
    } else if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    }
  });
}

// After the browser has drawn what it has read, because reading the states of a large guest takes a second.
requestAnimationFrame(() => setTimeout(start, 0));
