/** Says in words what went wrong. */

/** What engines and browsers say when memory has run out; none has an error class for it. */
const OUT_OF_MEMORY = /out of memory|\bOOM\b|bad_alloc|could not allocate|failed to allocate|cannot enlarge memory|array buffer allocation failed/i;

export function sayWhy(error: unknown): string {
  const said = error instanceof Error ? error.message || error.name : String(error);
  return OUT_OF_MEMORY.test(said) ? `out of memory: ${said}` : said;
}
