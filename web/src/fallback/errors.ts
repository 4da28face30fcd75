/** The errors that a web app sees: whose fault it is, what happened, and what to do next. */

/** Root of every error that this module raises on purpose. */
export class EdgewrightError extends Error {
  override readonly name: string = "EdgewrightError";
  /** What to do next, where something can be said. */
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** What was asked for is wrong: an option, a key, inputs that do not fit the signature. */
export class RequestError extends EdgewrightError {
  override readonly name = "RequestError";
}

/** A signature, a digest, a manifest or a ladder was refused. */
export class TrustError extends EdgewrightError {
  override readonly name = "TrustError";
}

/** No rung works here; the message says why of each. */
export class DeviceError extends EdgewrightError {
  override readonly name = "DeviceError";
}
