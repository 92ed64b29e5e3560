/** The cameras for whoever has a token: which there are, and the one that is looked at. Loaded only when asked for. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { fetchWithToken, tokenDrawer } from "../cameras/browser.ts";
import { listCameras } from "../cameras/camera-list.ts";
import type { Camera, NoCameras } from "../cameras/camera-list.ts";
import { stateWords } from "../cameras/state-words.ts";
import { useDesk } from "./desk.ts";
import { LiveView } from "./live-view.tsx";
import { TokenForm } from "./token-form.tsx";
import "../styles/camera.css";

const ASK_EVERY_MS = 10_000;

const NO_CAMERAS_WORDS: Readonly<Record<Exclude<NoCameras, "refused">, string>> = {
  "too-many": "Too many attempts from this address have failed; the hub does not listen for now.",
  unreachable: "The hub does not answer. This page asks again by itself.",
};

/** Draws the field for a token, and then the cameras. */
export function CamerasPanel(): JSX.Element {
  const [token, setToken] = useState(() => tokenDrawer.get());
  const [refusal, setRefusal] = useState("");
  const take = (next: string | undefined, words = ""): void => {
    tokenDrawer.put(next);
    setRefusal(words);
    setToken(next);
  };
  if (token === undefined) {
    return (
      <>
        <p class="hint">
          The operator of the hub gives it out. It stays in this tab and is sent to this hub only.
        </p>
        <TokenForm refusal={refusal} onToken={take} />
      </>
    );
  }
  return <Cameras token={token} leave={(words) => take(undefined, words)} />;
}

interface CamerasProps {
  readonly token: string;
  readonly leave: (words?: string) => void;
}

function Cameras({ token, leave }: CamerasProps): JSX.Element {
  const cameras = useCameras(token);
  const [chosen, setChosen] = useState<Pick<Camera, "device" | "camera">>();
  useEffect(() => {
    if (cameras === "refused") leave("The hub does not take this token, or not any more.");
  }, [cameras]);
  const isChosen = ({ device, camera }: Camera): boolean =>
    chosen?.device === device && chosen.camera === camera;
  return (
    <>
      {chosen !== undefined && (
        <LiveView
          key={`${chosen.device}/${chosen.camera}`}
          camera={chosen}
          token={token}
          onRefused={leave}
          onStop={() => setChosen(undefined)}
        />
      )}
      {typeof cameras === "object" ? (
        <ul class="cameras">
          {cameras.map((camera) => (
            <li key={`${camera.device}/${camera.camera}`}>
              <button
                type="button"
                aria-pressed={isChosen(camera)}
                onClick={() => setChosen(isChosen(camera) ? undefined : camera)}
              >
                {camera.camera} <span class="unseen">of</span>{" "}
                <span class="camera-device">{camera.device}</span>
              </button>
              <span class="camera-state">{stateWords(camera.state)}</span>
            </li>
          ))}
        </ul>
      ) : null}
      <p role="status">{listWords(cameras)}</p>
      <button type="button" class="quiet" onClick={() => leave()}>
        Forget the token
      </button>
    </>
  );
}

function listWords(cameras: readonly Camera[] | NoCameras | undefined): string {
  if (cameras === undefined) return "Asking the hub for its cameras …";
  if (cameras === "refused") return "";
  if (typeof cameras === "string") return NO_CAMERAS_WORDS[cameras];
  return cameras.length === 0 ? "No camera that this token is for is connected now." : "";
}

/** Asks for the cameras, again and again. What was known is kept while the hub does not answer. */
function useCameras(token: string): readonly Camera[] | NoCameras | undefined {
  const { timers } = useDesk();
  const [cameras, setCameras] = useState<readonly Camera[] | NoCameras>();
  useEffect(() => {
    let isOver = false;
    let cancel = (): void => undefined;
    const ask = async (): Promise<void> => {
      const answer = await listCameras(fetchWithToken, token);
      if (isOver) return;
      setCameras((known) =>
        answer === "unreachable" && typeof known === "object" ? known : answer,
      );
      cancel = timers.after(ASK_EVERY_MS, () => void ask());
    };
    void ask();
    return () => {
      isOver = true;
      cancel();
    };
  }, [token]);
  return cameras;
}
