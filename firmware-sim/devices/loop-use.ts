/** How busy this program's event loop is (node:perf_hooks): a generator that is always busy is the bottleneck itself. */
import { performance } from "node:perf_hooks";

/** Makes a function that gives the share of time, 0 to 1, in which the loop was at work since the call before. */
export function loopUse(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return Number.isFinite(utilization) ? utilization : 0;
  };
}
