/**
 * The two globals outside ECMAScript that every host of the ledger has, Node and browsers alike (WHATWG Encoding).
 * Declared here because `ledger/` is compiled without the types of any host.
 */
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label: "utf-8", options: { fatal: true; ignoreBOM: true });
  decode(bytes: Uint8Array): string;
}
