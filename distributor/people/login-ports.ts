/** Declares what signs a person in at an issuer. */
import type { LoginPlace } from './login-view.ts';

/** What a person is asked to do meanwhile. */
interface LoginQuestion {
  /** To be opened in a browser. */
  readonly url: string;
  /** To be compared there, or typed. */
  readonly code: string;
}

export interface SignedInPerson {
  readonly token: string;
  /** Undefined where the issuer does not say. */
  readonly expiresInSeconds: number | undefined;
}

export interface PersonLogin {
  /** @throws SlipwayError `login-failed` */
  signIn(place: LoginPlace, ask: (question: LoginQuestion) => void): Promise<SignedInPerson>;
}
