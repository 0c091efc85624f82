/** The page contract/errors.md, read as a table. */

export interface ErrorRow {
  readonly code: string;
  /** Exit status as written. */
  readonly exit: string;
  /** HTTP status as written; `–` where a server never answers with it. */
  readonly http: string;
  /** `release`, `device` or `path`; `–` where no update ends with it. */
  readonly fault: string;
  readonly happened: string;
  readonly next: string;
  /** True when what to do starts with ↻: trying the same again can help. */
  readonly retryable: boolean;
}

/** Rows of every table whose first cell is a code in backticks: code | exit | HTTP | fault | what happened | what to do. */
export function parseErrorPage(markdown: string): ErrorRow[] {
  return markdown.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const code = /^`([a-z0-9-]+)`$/.exec(cells[1] ?? '')?.[1];
    if (code === undefined) return [];
    const [exit = '', http = '', fault = '', happened = '', next = ''] = cells.slice(2);
    return [{ code, exit, http, fault, happened, next: next.replace(/^↻ /, ''), retryable: next.startsWith('↻ ') }];
  });
}

interface Traits {
  readonly exit: number;
  readonly http?: number;
  readonly fault: string;
  readonly retryable?: true;
}

/** Differences between the page and the closed list of codes, one line each. */
export function differences(rows: readonly ErrorRow[], codes: Readonly<Record<string, Traits>>): string[] {
  const documented = rows.map((row) => row.code);
  const missing = Object.keys(codes).filter((code) => !documented.includes(code));
  const twice = documented.filter((code, at) => documented.indexOf(code) !== at);
  const wrong = rows.flatMap((row) => {
    const traits = codes[row.code];
    if (!traits) return [`${row.code} is documented but not a code`];
    const http = traits.http === undefined ? '–' : String(traits.http);
    const fault = traits.fault === 'none' ? '–' : traits.fault;
    return [
      ...(row.exit === String(traits.exit) ? [] : [`${row.code}: exit is ${traits.exit}, the page says ${row.exit}`]),
      ...(row.http === http ? [] : [`${row.code}: HTTP is ${http}, the page says ${row.http}`]),
      ...(row.fault === fault ? [] : [`${row.code}: fault is ${fault}, the page says ${row.fault}`]),
      ...(row.retryable === (traits.retryable === true) ? [] : [`${row.code}: the mark ↻ does not fit`]),
      ...(isSentence(row.happened) && isSentence(row.next) ? [] : [`${row.code}: say what happened and what to do`]),
    ];
  });
  return [
    ...missing.map((code) => `${code} is not documented`),
    ...twice.map((code) => `${code} is documented twice`),
    ...wrong,
  ];
}

function isSentence(text: string): boolean {
  return /^[A-Z`].{8,}\.$/.test(text);
}
