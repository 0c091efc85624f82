/**
 * Computes what a number of failures among a number of devices says about a failure rate, by the exact binomial
 * distribution (one-sided Clopper-Pearson bounds). It knows nothing of waves.
 */

interface Evidence {
  readonly failed: number;
  /** Failed and succeeded ones together. */
  readonly settled: number;
}

/**
 * Whether the rate is below `limit` with the confidence: with a rate of just `limit`, so few failures or fewer would be
 * too rare to believe.
 * @param limit in [0, 1]
 * @param confidence in (0, 1)
 */
export function isBelow(limit: number, { failed, settled }: Evidence, confidence: number): boolean {
  return settled > 0 && atMost(failed, settled, limit) <= 1 - confidence;
}

/** Whether the rate is above `limit` with the confidence; see isBelow. */
export function isAbove(limit: number, { failed, settled }: Evidence, confidence: number): boolean {
  return failed > 0 && atLeast(failed, settled, limit) <= 1 - confidence;
}

/**
 * The highest rate that the evidence leaves possible with the confidence: the limit that isBelow would just hold for.
 */
export function highestRate(evidence: Evidence, confidence: number): number {
  if (evidence.failed >= evidence.settled) return 1;
  let [low, high] = [evidence.failed / evidence.settled, 1];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (isBelow(middle, evidence, confidence)) high = middle;
    else low = middle;
  }
  return high;
}

/** How many more devices have to succeed, with no further failure, until isBelow holds; Infinity for a limit of 0. */
export function successesNeeded(limit: number, { failed, settled }: Evidence, confidence: number): number {
  if (limit <= 0) return Number.POSITIVE_INFINITY;
  const isEnough = (more: number) => isBelow(limit, { failed, settled: settled + more }, confidence);
  if (isEnough(0)) return 0;
  let high = 1;
  while (!isEnough(high)) high *= 2;
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** P(X <= k) of a binomial distribution. */
export function atMost(k: number, n: number, p: number): number {
  if (k >= n) return 1;
  if (k < 0) return 0;
  if (p <= 0) return 1;
  if (p >= 1) return 0;
  // The shorter tail is summed: from its largest term on, the terms only fall.
  return k <= n * p ? sumDown(k, n, p) : 1 - sumDown(n - k - 1, n, 1 - p);
}

/** P(X >= k) of a binomial distribution. */
function atLeast(k: number, n: number, p: number): number {
  return atMost(n - k, n, 1 - p);
}

/** Terms of the distribution from `k` down to 0, for a `k` at or below the mean. */
function sumDown(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  const choose = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  let term = Math.exp(choose + k * Math.log(p) + (n - k) * Math.log1p(-p));
  let sum = 0;
  for (let i = k; i >= 0 && term > sum * Number.EPSILON; i--) {
    sum += term;
    term *= (i / (n - i + 1)) * ((1 - p) / p);
  }
  return Math.min(1, sum);
}

/** Logarithm of the gamma function above 0: Lanczos' approximation with g = 7, nine terms. */
function logGamma(x: number): number {
  const t = x + 6.5;
  let series = lanczos[0] ?? 0;
  for (let i = 1; i < lanczos.length; i++) series += (lanczos[i] ?? 0) / (x - 1 + i);
  return (x - 0.5) * Math.log(t) - t + Math.log(Math.sqrt(2 * Math.PI) * series);
}

const lanczos = [
  ...[0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059],
  ...[12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7],
];
