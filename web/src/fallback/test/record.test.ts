import assert from "node:assert/strict";
import test from "node:test";
import { DeviceError } from "../errors.ts";
import { LocalRecord, type KeyValues } from "../record.ts";

const RUNG = "tfjs-fp32@tfjs/wasm×1";

/** What stands for `localStorage`, with a limit of its own. */
function storage(kept: Record<string, string> = {}, limit = Infinity): KeyValues {
  return {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => {
      if (value.length > limit) throw new RangeError("the quota has been exceeded");
      kept[key] = value;
    },
  };
}

test("a record is read as it was written, by its release alone", async () => {
  const store = new LocalRecord("digits", storage());
  const record = { release: "r", trying: RUNG, crashes: { [RUNG]: 1, __proto__x: 2 } };
  await store.write(record);

  assert.deepEqual(await store.read("r"), record);
  assert.deepEqual(await store.read("s"), { release: "s", trying: null, crashes: {} });
});

test("models of different names have records of their own", async () => {
  const shared = storage();
  await new LocalRecord("a", shared).write({ release: "r", trying: RUNG, crashes: {} });

  assert.equal((await new LocalRecord("b", shared).read("r")).trying, null);
});

for (const damaged of [
  "",
  "{",
  "[]",
  "null",
  '{"release": 1}',
  '{"release": "r", "trying": 0}',
  '{"release": "r", "more": 1}',
]) {
  test(`a damaged record is an empty one: ${damaged}`, async () => {
    const store = new LocalRecord("digits", storage({ "edgewright/digits": damaged }));
    assert.deepEqual(await store.read("r"), { release: "r", trying: null, crashes: {} });
  });
}

test("a record that cannot be kept is said, with the way out", async () => {
  const store = new LocalRecord("digits", storage({}, 10));
  await assert.rejects(store.write({ release: "r", trying: RUNG, crashes: {} }), (error: Error) => {
    assert.ok(error instanceof DeviceError);
    assert.match(error.message, /cannot be kept: the quota/);
    assert.match(error.hint ?? "", /record: null/);
    return true;
  });
});
