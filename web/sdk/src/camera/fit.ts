/** Computes the distance from which a box fills the frame. */

import { type Bounds, centre, corners, type Quat, rotate, subtract } from "./vector.ts";

/** Margin around a model that is fitted into the frame. */
const FIT_MARGIN = 1.12;

/** Returns the distance from the centre of the box at which it just fills the frame, seen in this direction. */
export function fitDistance(bounds: Bounds, { x, y, z, w }: Quat, verticalFieldOfView: number, aspect: number): number {
  const toCamera = { x: -x, y: -y, z: -z, w };
  const tangent = Math.tan(verticalFieldOfView / 2);
  const middle = centre(bounds);
  const distances = corners(bounds).map((corner) => {
    const seen = rotate(toCamera, subtract(corner, middle));
    return seen.z + FIT_MARGIN * Math.max(Math.abs(seen.x) / (tangent * aspect), Math.abs(seen.y) / tangent);
  });
  return Math.max(...distances, Number.EPSILON);
}
