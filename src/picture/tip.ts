// SPDX-License-Identifier: Apache-2.0
// What is under the pointer.

import { byId } from '../browser/elements.js';
import { sentenceOf } from './describe.js';
import type { Stage } from './stage.js';

const DISTANCE = 14;

/** Shows the addresses of the page under the pointer, next to it. */
export function followPointer(stage: Stage): void {
  const tip = byId('tip', HTMLElement);
  const hide = (): void => {
    tip.hidden = true;
    if (stage.painter.look.pointed !== null) stage.painter.setLook({ pointed: null });
  };
  stage.canvas.addEventListener('pointerleave', hide);
  stage.canvas.addEventListener('pointermove', (event) => {
    const page = event.buttons === 0 ? stage.pageAt(event.offsetX, event.offsetY) : null;
    if (page === null) {
      hide();
      return;
    }
    const { model } = stage;
    if (page !== stage.painter.look.pointed) stage.painter.setLook({ pointed: page });
    tip.textContent = sentenceOf(model.picture, model.placeAt(page));
    tip.hidden = false;
    place(tip, event, stage.canvas);
  });
}

function place(tip: HTMLElement, { offsetX, offsetY }: PointerEvent, canvas: HTMLCanvasElement): void {
  const { offsetWidth, offsetHeight } = tip;
  const right = offsetX + DISTANCE + offsetWidth < canvas.clientWidth;
  const below = offsetY + DISTANCE + offsetHeight < canvas.clientHeight;
  tip.style.left = `${right ? offsetX + DISTANCE : Math.max(0, offsetX - DISTANCE - offsetWidth)}px`;
  tip.style.top = `${below ? offsetY + DISTANCE : Math.max(0, offsetY - DISTANCE - offsetHeight)}px`;
}
