// SPDX-License-Identifier: Apache-2.0

/** The drawing context of a canvas. */
export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser has no canvas');
  return context;
}

/** Gives a canvas as many points as the screen has where it is shown, and units of CSS pixels. */
export function fitToScreen(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D): void {
  const { clientWidth, clientHeight } = canvas;
  const ratio = window.devicePixelRatio;
  const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}
