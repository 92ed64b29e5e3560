/** A field for a log's vkey, checked before it is taken. */

import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { Fault } from "../../../ledger/fault.ts";
import type { Vkey } from "../../../ledger/note.ts";
import { parseLogVkey } from "../trust/pin.ts";

export interface VkeyFormProps {
  readonly label: string;
  /** The log that the key must be of, where only one will do. */
  readonly origin?: string;
  /** Is given the key, and the text as it was typed. */
  readonly onVkey: (vkey: Vkey, written: string) => void;
}

/** Draws the field. What is no vkey is refused with the reason. */
export function VkeyForm({ label, origin, onVkey }: VkeyFormProps): JSX.Element {
  const id = useId();
  const [typed, setTyped] = useState("");
  const [refusal, setRefusal] = useState("");
  const submit = (): void => {
    const vkey = parseLogVkey(typed);
    if (vkey instanceof Fault) return setRefusal(vkey.text);
    if (origin !== undefined && vkey.name !== origin) {
      return setRefusal(`this is the key of ${vkey.name}, not of ${origin}`);
    }
    setRefusal("");
    setTyped("");
    onVkey(vkey, typed);
  };
  return (
    <form
      class="vkey-form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        value={typed}
        autocomplete="off"
        spellcheck={false}
        placeholder="name+01234567+AbCd…"
        aria-invalid={refusal !== ""}
        aria-describedby={`${id}-refusal`}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <button type="submit">Trust this key</button>
      <p id={`${id}-refusal`} class="vkey-refusal" role="status">
        {refusal !== "" && `Not taken: ${refusal}.`}
      </p>
    </form>
  );
}
