/** JSON Pointers: the examples of RFC 6901, sections 5 and 6, and what they must not reach. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatPointer,
  parsePointer,
  resolvePointer,
} from "../../../../edge/sensors/drivers/json-pointer.ts";

const DOCUMENT = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};

test.each([
  ["", DOCUMENT],
  ["/foo", ["bar", "baz"]],
  ["/foo/0", "bar"],
  ["/", 0],
  ["/a~1b", 1],
  ["/c%d", 2],
  ["/e^f", 3],
  ["/g|h", 4],
  ["/i\\j", 5],
  ['/k"l', 6],
  ["/ ", 7],
  ["/m~0n", 8],
])("%j", (text, expected) => {
  expect(resolvePointer(DOCUMENT, parsePointer(text)!)).toEqual(expected);
});

test.each([
  "/foo/2",
  "/foo/-",
  "/foo/01",
  "/foo/length",
  "/bar",
  "/foo/0/x",
  "/constructor",
  "/__proto__",
])("%s leads to nothing", (text) => {
  expect(resolvePointer(DOCUMENT, parsePointer(text)!)).toBeUndefined();
});

test.each(["foo", "/a~b", "/a~2", "~"])("%s is none", (text) => {
  expect(parsePointer(text)).toBeUndefined();
});

test("what is formatted is parsed to the same", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (pointer) => {
      expect(parsePointer(formatPointer(pointer))).toEqual(pointer);
    }),
  );
  expect(parsePointer("/~01")).toEqual(["~1"]);
});
