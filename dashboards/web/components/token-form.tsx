/** A field for a viewer's token. */

import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";

/** 32 bytes as base64url, as `kerbstone hub viewers add` prints them. */
const TOKEN = /^[\w-]{43}$/;

/** Draws the field. `refusal` says why the token before was not taken. */
export function TokenForm({
  refusal,
  onToken,
}: {
  readonly refusal: string;
  readonly onToken: (token: string) => void;
}): JSX.Element {
  const id = useId();
  const [typed, setTyped] = useState("");
  const [isMistyped, setIsMistyped] = useState(false);
  const words = isMistyped ? "That is no token: one has 43 letters, digits, _ and -." : refusal;
  return (
    <form
      class="token-form"
      onSubmit={(event) => {
        event.preventDefault();
        const token = typed.trim();
        setIsMistyped(!TOKEN.test(token));
        if (TOKEN.test(token)) onToken(token);
      }}
    >
      <label for={id}>Viewer token</label>
      <input
        id={id}
        type="password"
        value={typed}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={words !== ""}
        aria-describedby={`${id}-refusal`}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <button type="submit">Use this token</button>
      <p id={`${id}-refusal`} class="token-refusal" role="status">
        {words}
      </p>
    </form>
  );
}
