/** The errors that a web app sees: whose fault it is, what happened, and what to do next. */

/** Root of every error that this module raises on purpose. */
export class EdgewrightError extends Error {
  /** What to do next, where something can be said. */
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.name = new.target.name;
    this.hint = hint;
  }
}

/** What was asked for is wrong: an option, a key, inputs that do not fit the signature. */
export class RequestError extends EdgewrightError {}

/** A signature, a digest, a manifest or a ladder was refused. */
export class TrustError extends EdgewrightError {}

/** No rung works here; the message says why of each. */
export class DeviceError extends EdgewrightError {}
