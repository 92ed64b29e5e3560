/** A camera's live picture, with what is to be known of it: that it proves nothing, how the camera is, how old it is. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { openViewerSocket, startPictureThread, wantsStillness } from "../cameras/browser.ts";
import type { Camera } from "../cameras/camera-list.ts";
import { CameraWatch } from "../cameras/camera-watch.ts";
import type { WatchView } from "../cameras/camera-watch.ts";
import { MovingPicture } from "../cameras/moving-picture.ts";
import type { Pixels } from "../cameras/picture-decoder.ts";
import { stateWords } from "../cameras/state-words.ts";
import { formatAge } from "../words/time.ts";
import { useDesk, useNow } from "./desk.ts";

export interface LiveViewProps {
  readonly camera: Pick<Camera, "device" | "camera">;
  readonly token: string;
  /** Is told why, when the hub takes the token no longer. */
  readonly onRefused: (words: string) => void;
  readonly onStop: () => void;
}

const AGE_REFRESH_MS = 500;
/** A picture that is older is not live any more. */
const OLD_AFTER_MS = 5_000;
/** Between still pictures, where less motion is asked for. */
const STILL_APART_MS = 3_000;

const FIRST_VIEW: WatchView = { phase: "connecting", state: undefined, words: "" };
const HOPELESS: WatchView = {
  phase: "over",
  state: undefined,
  words: "What this camera sends cannot be drawn.",
};

/** Draws the picture while the page is in sight; out of sight nobody needs it to be made. */
export function LiveView({ camera, token, onRefused, onStop }: LiveViewProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isInSight = useIsInSight();
  const isStill = wantsStillness();
  const { view, pictureMs } = useLivePicture({ canvas, camera, token, isInSight, isStill });
  useEffect(() => {
    if (view.phase === "refused") onRefused(view.words);
  }, [view]);
  const name = `${camera.camera} of ${camera.device}`;
  return (
    <figure class="live">
      <PictureAge pictureMs={pictureMs} />
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Live picture of ${name}`}
        width={320}
        height={180}
      />
      <figcaption>
        <strong>Live, not proved:</strong> pictures never enter the ledger.
        {isStill && " Shown as single pictures, since your system asks for less motion."}
      </figcaption>
      <p role="status">
        {isInSight ? statusWords(view) : "Paused while the page is out of sight."}
      </p>
      <button type="button" onClick={onStop}>
        Stop watching <span class="unseen">{name}</span>
      </button>
    </figure>
  );
}

/** How old the picture is. By itself, so that its ticking draws nothing else anew. */
function PictureAge({
  pictureMs,
}: {
  pictureMs: { readonly current: number | undefined };
}): JSX.Element {
  const nowMs = useNow(AGE_REFRESH_MS);
  const { current } = pictureMs;
  if (current === undefined) return <p class="live-age">No picture yet.</p>;
  const ageMs = nowMs - current;
  const isOld = ageMs > OLD_AFTER_MS;
  return (
    <p class={isOld ? "live-age live-age-old" : "live-age"}>
      {isOld ? "The picture stands still. " : ""}Last picture: {formatAge(ageMs)}
    </p>
  );
}

function statusWords({ phase, state, words }: WatchView): string {
  switch (phase) {
    case "connecting":
      return "Connecting …";
    case "watching":
      return `The camera is ${stateWords(state ?? "")}.`;
    case "waiting":
      return `${words} This page asks again by itself.`;
    case "refused":
    case "over":
      return words;
  }
}

interface LivePicture {
  readonly view: WatchView;
  /** When a picture last came, by this machine's clock. */
  readonly pictureMs: { readonly current: number | undefined };
}

/** Watches a camera and draws what comes, from the first drawing to the last. */
function useLivePicture(parts: {
  readonly canvas: { readonly current: HTMLCanvasElement | null };
  readonly camera: Pick<Camera, "device" | "camera">;
  readonly token: string;
  readonly isInSight: boolean;
  readonly isStill: boolean;
}): LivePicture {
  const { canvas, camera, token, isInSight, isStill } = parts;
  const { timers } = useDesk();
  const [view, setView] = useState(FIRST_VIEW);
  const pictureMs = useRef<number>();
  useEffect(() => {
    if (!isInSight) return undefined;
    setView(FIRST_VIEW);
    const stop = (): void => {
      watch.stop();
      picture.stop();
    };
    const picture = new MovingPicture({
      timers,
      start: startPictureThread,
      apartMs: isStill ? STILL_APART_MS : 0,
      onPicture: (pixels) => {
        pictureMs.current = timers.nowMs();
        if (pixels !== undefined && canvas.current !== null) draw(canvas.current, pixels);
      },
      onHopeless: () => {
        stop();
        setView(HOPELESS);
      },
    });
    const watch = new CameraWatch({
      camera,
      token,
      open: openViewerSocket,
      timers,
      onBytes: (bytes) => picture.take(bytes),
      onChange: setView,
    });
    return stop;
  }, [camera.device, camera.camera, token, isInSight, isStill]);
  return { view, pictureMs };
}

function draw(canvas: HTMLCanvasElement, { width, height, rgba }: Pixels): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d")?.putImageData(new ImageData(rgba, width, height), 0, 0);
}

function useIsInSight(): boolean {
  const [isInSight, setIsInSight] = useState(() => document.visibilityState === "visible");
  useEffect(() => {
    const look = (): void => setIsInSight(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return isInSight;
}
