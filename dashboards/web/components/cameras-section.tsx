/**
 * The door to the live cameras: there only if the hub has any, and nothing of what is behind it is loaded before
 * somebody wants it.
 */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { VIEWER_TOKEN } from "../cameras/token-name.ts";

type Panel = () => JSX.Element;

/** Draws the section. A tab that has a token already, such as one that was loaded again, goes in at once. */
export function CamerasSection(): JSX.Element {
  const [isWanted, setIsWanted] = useState(hasToken);
  const [panel, setPanel] = useState<{ readonly Panel: Panel }>();
  const [isLost, setIsLost] = useState(false);
  useEffect(() => {
    if (!isWanted) return;
    import("./cameras-panel.tsx").then(
      ({ CamerasPanel }) => setPanel({ Panel: CamerasPanel }),
      () => setIsLost(true),
    );
  }, [isWanted]);
  return (
    <section class="panel" aria-labelledby="cameras">
      <h2 id="cameras" tabIndex={-1}>
        Cameras
      </h2>
      {panel !== undefined && <panel.Panel />}
      {panel === undefined && (
        <>
          <p class="hint">
            Live pictures, for those to whom the operator of the hub has given a token.
          </p>
          {!isWanted && (
            <button type="button" onClick={() => setIsWanted(true)}>
              I have a token
            </button>
          )}
          {isLost && <p role="status">This part could not be loaded. Load the page again.</p>}
        </>
      )}
    </section>
  );
}

function hasToken(): boolean {
  try {
    return sessionStorage.getItem(VIEWER_TOKEN) !== null;
  } catch {
    return false;
  }
}
