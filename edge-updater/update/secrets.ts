/** Takes secrets out of text that a service wrote, before it leaves the machine. */

const secrets: readonly RegExp[] = [
  // Tokens of this product, also when they were cut short.
  /slp_(?:enrol|device|operator|ci)_[A-Za-z0-9_-]+/g,
  // Tokens of K3s: K10<hash>::<user>:<secret>, and K10<hash>:<secret> of bootstrap.
  /K10[0-9a-fA-F]*::?\S*/g,
  // A JSON web token, as Kubernetes has them.
  /eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g,
  // user:password@ of a URL
  /(?<=:\/\/)[^\s/@:]+:[^\s/@]+(?=@)/g,
];

export function maskSecrets(text: string): string {
  return secrets.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}
