/** Splits what systemd prints or reads into words, with its quotes: '…', "…", $'…' and a backslash before one character. */

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', s: ' ' };

export function wordsOf(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\' && quote !== "'" && at + 1 < text.length) {
      at++;
      word = (word ?? '') + (escapes[text.charAt(at)] ?? text.charAt(at));
    } else if (quote !== undefined) {
      const isEnd = character === quote.at(-1);
      if (isEnd) quote = undefined;
      else word = (word ?? '') + character;
    } else if (character === '$' && text.charAt(at + 1) === "'") {
      at++;
      [quote, word] = ["$'", word ?? ''];
    } else if (character === '"' || character === "'") {
      [quote, word] = [character, word ?? ''];
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  return word === undefined ? words : [...words, word];
}
