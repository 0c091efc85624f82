import { expect, test } from 'vitest';
import { checkSteps } from '../../../delta/approximate/step.ts';

const oldLength = 100;
const newLength = 50;

test.each([
  { name: 'one step for everything', steps: [0, 50, 0] },
  { name: 'steps that go back and reach the last old byte', steps: [80, 20, 5, -100, 20, 5] },
  { name: 'a file of its own', steps: [0, 0, 50] },
])('accepts $name', ({ steps }) => {
  checkSteps(Int32Array.from(steps), oldLength, newLength);
});

test.each([
  { name: 'a step without bytes', steps: [0, 50, 0, 0, 0, 0], code: 'delta-malformed' },
  {
    name: 'a negative count that the step itself makes up for',
    steps: [0, 15, -10, 0, 45, 0],
    code: 'delta-malformed',
  },
  {
    name: 'a negative range that the step itself makes up for',
    steps: [20, -10, 15, 0, 45, 0],
    code: 'delta-malformed',
  },
  { name: 'more bytes than announced', steps: [0, 51, 0], code: 'delta-malformed' },
  { name: 'fewer bytes than announced', steps: [0, 49, 0], code: 'delta-malformed' },
  { name: 'no step at all', steps: [], code: 'delta-malformed' },
  { name: 'a range before the old file', steps: [-1, 50, 0], code: 'delta-out-of-bounds' },
  { name: 'a range behind the old file', steps: [51, 50, 0], code: 'delta-out-of-bounds' },
  { name: 'a position behind the old file without a range', steps: [101, 0, 50], code: 'delta-out-of-bounds' },
])('refuses $name', ({ steps, code }) => {
  expect(() => checkSteps(Int32Array.from(steps), oldLength, newLength)).toThrow(expect.objectContaining({ code }));
});
