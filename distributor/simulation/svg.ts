/**
 * Draws a picture of one rollout over time: devices committed, under way, failed and unreachable, and when waves
 * opened.
 */
import type { RolloutResult } from './result.ts';
import type { Sample } from './timeline.ts';

const size = { width: 960, height: 480 };
const plot = { left: 76, top: 92, width: 856, height: 308 };
const bottom = plot.top + plot.height;

/** From the bottom up. */
const layers = [
  { key: 'committed', name: 'committed', light: '#2f9e62', dark: '#3fb97a' },
  { key: 'pending', name: 'under way', light: '#4c86d9', dark: '#6aa1f0' },
  { key: 'failed', name: 'failed', light: '#d3423b', dark: '#f0625b' },
  { key: 'unreachable', name: 'unreachable or waiting', light: '#b4b8bf', dark: '#60656e' },
] as const;

interface Picture {
  readonly result: RolloutResult;
  readonly samples: readonly Sample[];
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
}

/** @returns an SVG document, readable on light and on dark ground */
export function svgOf({ result, samples, start, end }: Picture): string {
  const spanMs = Math.max(end - start, 1);
  const x = (at: number) => rounded(plot.left + (plot.width * (at - start)) / spanMs);
  const tops = columns(samples, start, spanMs);
  const devices = niceTop(Math.max(1, ...tops.map(([, sums]) => sums.at(-1) ?? 0)));
  const y = (count: number) => rounded(bottom - (plot.height * count) / devices);
  const areas = layers.map(({ key }, layer) => {
    const upper = tops.map(([px, sums]) => `${px},${y(sums[layer] ?? 0)}`);
    const lower = tops.map(([px, sums]) => `${px},${y(layer === 0 ? 0 : (sums[layer - 1] ?? 0))}`).reverse();
    return `<path class="${key}" d="M${[...upper, ...lower].join('L')}Z"/>`;
  });
  const title = `${result.rollout}: ${result.outcome}`;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(title)}</title>`,
    `<style>${style}</style>`,
    `<rect class="ground" width="${size.width}" height="${size.height}"/>`,
    `<text class="title" x="${plot.left}" y="30">${escaped(title)}</text>`,
    `<text class="small" x="${plot.left}" y="50">${escaped(clipped(`${result.release}. ${result.reason}`, 130))}</text>`,
    ...legend(),
    ...yAxis(devices, y),
    ...xAxis(spanMs, start, x),
    ...areas,
    ...waves(result, x),
    `<path class="axis" d="M${plot.left},${bottom}H${plot.left + plot.width}"/>`,
    '</svg>',
  ].join('\n')}\n`;
}

const style = [
  'text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:17px;font-weight:600}.small{fill:#57606a}',
  '.ground{fill:#fff}.axis{stroke:#8c959f;fill:none}.grid{stroke:#d8dee4;fill:none}',
  '.wave{stroke:#24292f;stroke-dasharray:4 3;fill:none}.end{stroke:#24292f;fill:none}',
  ...layers.map(({ key, light }) => `.${key}{fill:${light}}`),
  '@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.ground{fill:#0d1117}',
  '.axis{stroke:#6e7681}.grid{stroke:#262c36}.wave,.end{stroke:#e6edf3}',
  ...layers.map(({ key, dark }) => `.${key}{fill:${dark}}`),
  '}',
].join('');

/** For each pixel from left to right the layers' upper edges: what the last sample up to there says. */
function columns(samples: readonly Sample[], start: number, spanMs: number): [number, number[]][] {
  const found: [number, number[]][] = [];
  let next = 0;
  let last: Sample | undefined;
  for (let px = 0; px <= plot.width; px++) {
    const at = start + (spanMs * px) / plot.width;
    for (let sample = samples[next]; sample && sample.at <= at; sample = samples[++next]) last = sample;
    let sum = 0;
    const sums = layers.map(({ key }) => (sum += last?.[key] ?? 0));
    const before = found.at(-1);
    const isFlat = before?.[1].every((value, i) => value === sums[i]) === true;
    // The end of a level stretch is drawn, or the next rise would begin too early.
    if (isFlat && px < plot.width) continue;
    if (before && before[0] < plot.left + px - 1) found.push([plot.left + px - 1, before[1]]);
    found.push([plot.left + px, sums]);
  }
  return found;
}

function waves({ waves: opened, finishedAfterSeconds, outcome }: RolloutResult, x: (at: number) => number): string[] {
  let row = 0;
  let lastEnd = Number.NEGATIVE_INFINITY;
  const marks = opened.map(({ name, openedAt, devices }) => ({
    at: Date.parse(openedAt),
    text: `${name} +${devices}`,
    line: 'wave',
  }));
  const [first] = opened;
  if (first) {
    const started = Date.parse(first.openedAt) - first.openedAfterSeconds * 1000;
    marks.push({ at: started + finishedAfterSeconds * 1000, text: outcome, line: 'end' });
  }
  return marks.flatMap(({ at, text, line }) => {
    const px = x(at);
    // Labels that would touch take turns in three rows.
    row = px < lastEnd ? (row + 1) % 3 : 0;
    lastEnd = Math.max(lastEnd, px + 12 + text.length * 7);
    const isFarRight = px > plot.left + plot.width - 80;
    const top = plot.top - 6 + row * 15;
    return [
      `<path class="${line}" d="M${px},${plot.top}V${bottom}"/>`,
      `<text x="${px + (isFarRight ? -4 : 4)}" y="${top + 16}" text-anchor="${isFarRight ? 'end' : 'start'}">${escaped(text)}</text>`,
    ];
  });
}

function legend(): string[] {
  let left = plot.left;
  return layers.flatMap(({ key, name }) => {
    const at = left;
    left += 34 + name.length * 7;
    return [
      `<rect class="${key}" x="${at}" y="64" width="12" height="12" rx="2"/>`,
      `<text x="${at + 18}" y="74">${name}</text>`,
    ];
  });
}

function yAxis(top: number, y: (count: number) => number): string[] {
  return [0, 1, 2, 3, 4].flatMap((quarter) => {
    const count = (top * quarter) / 4;
    const line = `<path class="grid" d="M${plot.left},${y(count)}H${plot.left + plot.width}"/>`;
    const label = `<text class="small" x="${plot.left - 8}" y="${y(count) + 4}" text-anchor="end">${grouped(count)}</text>`;
    return quarter === 0 ? [label] : [line, label];
  });
}

const hourMs = 3600 * 1000;
const stepsHours = [1, 2, 4, 6, 12, 24, 48, 96, 168, 336, 672, 1344];

function xAxis(spanMs: number, start: number, x: (at: number) => number): string[] {
  const stepHours = stepsHours.find((hours) => spanMs / (hours * hourMs) <= 10) ?? 2688;
  const marks: string[] = [];
  for (let hours = 0; hours * hourMs <= spanMs; hours += stepHours) {
    const px = x(start + hours * hourMs);
    const text = hours === 0 ? 'start' : hours % 24 === 0 ? `${hours / 24} d` : `${hours} h`;
    marks.push(`<path class="axis" d="M${px},${bottom}v5"/>`);
    marks.push(`<text class="small" x="${px}" y="${bottom + 20}" text-anchor="middle">${text}</text>`);
  }
  const from = new Date(start).toISOString().slice(0, 16);
  marks.push(
    `<text class="small" x="${plot.left}" y="${bottom + 44}">time since ${from} UTC; devices by their standing</text>`,
  );
  return marks;
}

/** The next of 4, 8, 12, 20, 40, 60, 80, 120 …: a quarter of it is a round number. */
function niceTop(count: number): number {
  for (let unit = 1; ; unit *= 10) {
    for (const times of [4, 8, 12, 20, 28]) if (count <= times * unit) return times * unit;
  }
}

/** 12345 as `12,345`, without the locale of the machine. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

function rounded(position: number): number {
  return Math.round(position * 10) / 10;
}

function clipped(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
