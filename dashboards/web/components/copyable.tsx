/** A text of which people want the whole, shortened or not, with a button that copies it. */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { useDesk } from "./desk.ts";

export interface CopyableProps {
  /** What is copied. */
  readonly content: string;
  /** What is shown, if not all of it. */
  readonly shown?: string;
  /** What it is, for the button: "vkey". */
  readonly what: string;
}

/** Shows a text and copies it. Where the browser forbids copying, the text is selected instead. */
export function Copyable({ content, shown, what }: CopyableProps): JSX.Element {
  const { copy } = useDesk();
  const code = useRef<HTMLElement>(null);
  const [outcome, setOutcome] = useState<"" | "copied" | "selected">("");
  const [isWhole, setIsWhole] = useState(false);
  const onClick = async (): Promise<void> => {
    if (await copy(content)) return setOutcome("copied");
    setIsWhole(true);
    setOutcome("selected");
    requestAnimationFrame(() => code.current && getSelection()?.selectAllChildren(code.current));
  };
  return (
    <span class="copyable">
      <code ref={code} title={content}>
        {isWhole ? content : (shown ?? content)}
      </code>
      <button type="button" class="quiet" onClick={() => void onClick()}>
        Copy<span class="unseen"> {what}</span>
      </button>
      <span class="copyable-outcome" role="status">
        {outcome === "copied" && "Copied"}
        {outcome === "selected" && "Selected: copy it by keyboard"}
      </span>
    </span>
  );
}
