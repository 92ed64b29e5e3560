/** The newest blocks, as they are sealed. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Block } from "../api/answer.ts";
import type { City } from "../city/city.ts";
import { countOf, formatCount, shorten } from "../words/number.ts";
import { Copyable } from "./copyable.tsx";
import { LevelIcon } from "./icon.tsx";
import { Moment } from "./moment.tsx";

const BLOCKS_FIRST = 6;

/** Draws the newest blocks. */
export function BlocksSection({ city }: { city: City }): JSX.Element {
  const [isAll, setIsAll] = useState(false);
  const { blocks, log } = city;
  const shown = isAll ? blocks : blocks.slice(0, BLOCKS_FIRST);
  return (
    <section class="panel" aria-labelledby="blocks">
      <h2 id="blocks" tabIndex={-1}>
        Blocks
      </h2>
      <p class="hint">
        Sealed every {countOf(log.blockSeconds, "second")}, also when nothing came.
      </p>
      <ol class="blocks" reversed>
        {shown.map((block) => (
          <BlockItem
            key={block.height}
            block={block}
            isCosigned={(log.cosignedSize ?? 0) > block.index}
          />
        ))}
      </ol>
      {blocks.length > BLOCKS_FIRST && (
        <button type="button" class="quiet" onClick={() => setIsAll(!isAll)}>
          {isAll ? "Show fewer" : `Show the last ${blocks.length}`}
        </button>
      )}
    </section>
  );
}

/** The shield stands for the quorum; names of those who cosigned stand there before it is reached. */
function BlockItem({ block, isCosigned }: { block: Block; isCosigned: boolean }): JSX.Element {
  const { height, timeMs, count, hash, cosignedBy } = block;
  return (
    <li class="block">
      <div class="block-head">
        <strong>#{formatCount(height)}</strong>
        <Moment timeMs={timeMs} />
        <span>{countOf(count, "entry", "entries")}</span>
      </div>
      <div class="block-more">
        <Copyable content={hash} shown={shorten(hash)} what={`hash of block ${height}`} />
        <span class={`mark-state level-${isCosigned ? "cosigned" : "sealed"}`}>
          <LevelIcon level={isCosigned ? "cosigned" : "sealed"} />
          {cosignedBy.length === 0
            ? "not cosigned yet"
            : `${cosignedBy.join(", ")}${isCosigned ? "" : " so far"}`}
        </span>
      </div>
    </li>
  );
}
