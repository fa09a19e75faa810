// SPDX-License-Identifier: Apache-2.0
import type { Stage } from './stage.js';

/** Factor of a step of zoom. */
const STEP = 2;
/** Least distance of a step of the selection, in CSS pixels. */
const LEAST = 6;

type Action = (stage: Stage) => void;

/** The nearest page of the map in a direction, from the selected one. */
function move(stage: Stage, dx: number, dy: number): void {
  const { painter, camera, model } = stage;
  const { layout } = painter;
  const selected = painter.look.selected;
  const first = model.picture.extents[0]?.first ?? 0;
  const place = selected === null ? null : layout.placeOf(selected);
  if (place === null) {
    stage.select(first);
    return;
  }
  const step = Math.max(1, Math.ceil(LEAST / camera.scale));
  let [x, y] = [place.x, place.y];
  for (;;) {
    [x, y] = [x + dx * step, y + dy * step];
    if (x < 0 || y < 0 || x >= layout.width || y >= layout.height) return;
    const page = layout.at(x, y);
    if (page === null || model.tiles.classAt(page) === 0) continue;
    stage.select(page);
    return;
  }
}

/** The first page of the run after or before that of the selected page. */
function moveByRun(stage: Stage, isForward: boolean): void {
  const { extents } = stage.model.picture;
  const selected = stage.painter.look.selected ?? extents[0]?.first ?? 0;
  const run = stage.model.runs.find(selected);
  if (run === null) return;
  const next = isForward ? run.first + run.pages : run.first - 1;
  const extent = isForward
    ? extents.find(({ first, pages }) => first + pages > next)
    : extents.findLast(({ first }) => first <= next);
  if (extent === undefined) return;
  const page = isForward ? Math.max(next, extent.first) : Math.min(next, extent.first + extent.pages - 1);
  const found = stage.model.runs.find(page);
  stage.select(isForward ? page : Math.max(found?.first ?? page, extent.first));
}

const ends: Readonly<Record<'first' | 'last', Action>> = {
  first: (stage) => {
    const first = stage.model.picture.extents[0];
    if (first !== undefined) stage.select(first.first);
  },
  last: (stage) => {
    const last = stage.model.picture.extents.at(-1);
    if (last !== undefined) stage.select(last.first + last.pages - 1);
  },
};

/** The place on the canvas about which keys zoom: the selected page, if it is shown. */
export function zoomBy(stage: Stage, factor: number): void {
  const { selected } = stage.painter.look;
  const place = selected === null ? null : stage.painter.layout.placeOf(selected);
  const { transform, area } = stage.camera;
  const at = place === null ? null : transform.apply([place.x + 0.5, place.y + 0.5]);
  const isShown = at !== null && at[0] >= area.left && at[0] < area.right && at[1] >= area.top && at[1] < area.bottom;
  stage.camera.zoomBy(factor, isShown ? at : undefined);
}

const ACTIONS: Readonly<Record<string, Action>> = {
  ArrowLeft: (stage) => {
    move(stage, -1, 0);
  },
  ArrowRight: (stage) => {
    move(stage, 1, 0);
  },
  ArrowUp: (stage) => {
    move(stage, 0, -1);
  },
  ArrowDown: (stage) => {
    move(stage, 0, 1);
  },
  '[': (stage) => {
    moveByRun(stage, false);
  },
  ']': (stage) => {
    moveByRun(stage, true);
  },
  Home: ends.first,
  End: ends.last,
  '+': (stage) => {
    zoomBy(stage, STEP);
  },
  '=': (stage) => {
    zoomBy(stage, STEP);
  },
  '-': (stage) => {
    zoomBy(stage, 1 / STEP);
  },
  '0': (stage) => {
    stage.camera.showWhole();
  },
};

/** Makes the keys work while the canvas has the focus. */
export function listen(stage: Stage, more: Readonly<Record<string, () => void>>): void {
  stage.canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = ACTIONS[event.key];
    const other = more[event.key];
    if (action === undefined && other === undefined) return;
    event.preventDefault();
    action?.(stage);
    other?.();
  });
}
