//! Reads settings from the context of an app and gathers what is wrong with them, so that all mistakes are told at once.
//! Knows forms of values, not what any setting is for.

/** What is wrong with the settings: one line each. */
export class Mistakes extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** A form that a value may have: what it becomes, or `undefined` if it has another form. */
export interface Form<T> {
  readonly is: string;
  readonly read: (text: string) => T | undefined;
}

export class Reader {
  readonly #context: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();
  readonly #mistakes: string[] = [];

  constructor(context: Readonly<Record<string, unknown>>) {
    this.#context = context;
  }

  /** A value that has a default. */
  or<T>(key: string, form: Form<T>, otherwise: T): T {
    return this.maybe(key, form) ?? otherwise;
  }

  /** A value that must be given; `hint` says what to do. A stand-in comes back for a missing one: nobody gets to see it. */
  required<T>(key: string, form: Form<T>, hint: string): T {
    if (this.#text(key) === undefined) this.object(key, `is missing; ${hint}`);
    return this.maybe(key, form) as T;
  }

  /** A value that may be left out. */
  maybe<T>(key: string, form: Form<T>): T | undefined {
    const text = this.#text(key);
    if (text === undefined) return undefined;
    const value = form.read(text);
    if (value === undefined) this.object(key, `must be ${form.is}, not "${text}"`);
    return value;
  }

  /** Notes a mistake. */
  object(key: string, what: string): void {
    this.#mistakes.push(`${key} ${what}`);
  }

  /** Throws all mistakes there are. Names that nobody asked for are among them; those with a sign are the CDK's own. */
  finish(): void {
    const known = [...this.#asked].sort().join(', ');
    for (const key of Object.keys(this.#context)) {
      if (/^[A-Za-z]+$/.test(key) && !this.#asked.has(key)) this.object(key, `is no setting; there are ${known}`);
    }
    if (this.#mistakes.length > 0) throw new Mistakes(this.#mistakes);
  }

  /** A value as `-c key=value` gives it. In `cdk.json` it may be a number, a truth value or a list. Empty means not given. */
  #text(key: string): string | undefined {
    this.#asked.add(key);
    const value = this.#context[key];
    const text = value === undefined || value === null ? '' : String(value).trim();
    return text === '' ? undefined : text;
  }
}

/** Text of a shape. */
export function matching(pattern: RegExp, is: string): Form<string> {
  return { is, read: (text) => (pattern.test(text) ? text : undefined) };
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Form<T> {
  return { is: words.join(' or '), read: (text) => words.find((word) => word === text) };
}

export const truth: Form<boolean> = {
  is: 'true or false',
  read: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

/** A whole number within borders. */
export function number(least: number, most: number): Form<number> {
  const read = (text: string) => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= least && value <= most ? value : undefined;
  };
  return { is: `a whole number from ${least} to ${most}`, read };
}

/** A form, or one word that stands for something else. */
export function orWord<T, const W extends string>(form: Form<T>, word: W): Form<T | W> {
  return { is: `${form.is} or ${word}`, read: (text) => (text === word ? word : form.read(text)) };
}

/** A number of which a service knows a few only. */
export function numberOf(...known: readonly number[]): Form<number> {
  return { is: `one of ${known.join(', ')}`, read: (text) => known.find((value) => String(value) === text) };
}

/** Several of a form, separated by commas. */
export function list<T>(form: Form<T>): Form<T[]> {
  const read = (text: string) => {
    const values = text.split(',').map((part) => form.read(part.trim()));
    return values.every((value) => value !== undefined) ? values : undefined;
  };
  return { is: `a list, separated by commas, each ${form.is}`, read };
}

/** `https://host[:port]`, without anything behind. Spelled as browsers spell an origin. */
export const httpsOrigin: Form<string> = {
  is: 'an https address without path (https://auth.example.com)',
  read: (text) => {
    if (!URL.canParse(text)) return undefined;
    const { protocol, hostname, origin, href } = new URL(text);
    const isBare = protocol === 'https:' && hostname.includes('.') && href === `${origin}/`;
    return isBare && [origin, href].includes(text) ? origin : undefined;
  },
};

/** A private IPv4 network that has room for the subnets, with its first address. */
export const privateNetwork: Form<string> = {
  is: 'a private network of /16 to /24, by its first address (10.20.0.0/22)',
  read: (text) => {
    const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text)?.slice(1).map(Number);
    if (!parts || parts.slice(0, 4).some((part) => part > 255)) return undefined;
    const [a, b, c, d, prefix] = parts as [number, number, number, number, number];
    const isPrivate = a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168);
    const isFirst = (((a << 24) | (b << 16) | (c << 8) | d) & (2 ** (32 - prefix) - 1)) === 0;
    return isPrivate && prefix >= 16 && prefix <= 24 && isFirst ? text : undefined;
  },
};
